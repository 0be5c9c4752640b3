//go:build unix

package embedded

// WithoutInstalled returns cfg for a machine on which no Postgres is installed.
func WithoutInstalled(cfg Config) Config {
	cfg.places = func() []string { return nil }
	return cfg
}
