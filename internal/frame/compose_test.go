package frame

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/headwaymail/headway/internal/config"
)

// secrets are the variables without which nothing may start.
var secrets = types.Mapping{"HEADWAY_WEB_PASSWORD": "a web password", "POSTGRES_PASSWORD": "a database password"}

// compose loads the compose file as Docker does, with some variables set.
func compose(t *testing.T, variables types.Mapping) (*types.Project, error) {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	own := variables.Clone() // the loader adds to it
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: dir, Environment: own,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}}})
}

// services returns Postgres and Headway of the compose file.
func services(t *testing.T, variables types.Mapping) (postgres, headway types.ServiceConfig) {
	t.Helper()
	project, err := compose(t, variables)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"headway", "postgres"}, project.ServiceNames()); diff != "" {
		t.Fatalf("services (-want +got):\n%s", diff)
	}
	return project.Services["postgres"], project.Services["headway"]
}

func TestComposeAsksForPasswords(t *testing.T) {
	t.Parallel()
	for missing := range secrets {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			others := secrets.Clone()
			delete(others, missing)
			_, err := compose(t, others)
			if err == nil || !strings.Contains(err.Error(), "write "+missing+"=... into the file .env") {
				t.Errorf("without %s: %v", missing, err)
			}
		})
	}
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	postgres, headway := services(t, secrets)
	if postgres.Image != "postgres:17" {
		t.Errorf("the database is %s", postgres.Image)
	}
	for _, s := range []types.ServiceConfig{postgres, headway} {
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("%s restarts %q", s.Name, s.Restart)
		}
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Interval == nil || s.HealthCheck.StartPeriod == nil {
			t.Errorf("%s has no complete health check: %+v", s.Name, s.HealthCheck)
		}
	}
	if waits := headway.DependsOn["postgres"]; waits.Condition != types.ServiceConditionHealthy || !waits.Required {
		t.Errorf("headway waits for its database until: %+v", waits)
	}
	if diff := cmp.Diff([]string{"CMD", "/headway", "health"}, []string(headway.HealthCheck.Test)); diff != "" {
		t.Errorf("health check of headway (-want +got):\n%s", diff)
	}
	// A node drains for 10 s, and then has some seconds to say goodbye.
	if grace := headway.StopGracePeriod; grace == nil || time.Duration(*grace) < 20*time.Second {
		t.Errorf("headway is killed after %v", grace)
	}
	if headway.Build == nil || headway.Build.Context == "" {
		t.Error("headway is not built from this repository")
	}
}

// TestComposePublishesOnLoopback keeps the pages off the network: Docker's own
// rules go around a firewall of the machine.
func TestComposePublishesOnLoopback(t *testing.T) {
	t.Parallel()
	postgres, headway := services(t, secrets)
	if len(postgres.Ports) > 0 {
		t.Errorf("the database is published: %+v", postgres.Ports)
	}
	published := make(map[uint32]string)
	for _, p := range headway.Ports {
		published[p.Target] = p.HostIP + ":" + p.Published
	}
	if diff := cmp.Diff(map[uint32]string{8080: "127.0.0.1:8080", 8081: "127.0.0.1:8081"}, published); diff != "" {
		t.Errorf("published ports (-want +got):\n%s", diff)
	}
}

func TestComposeKeepsData(t *testing.T) {
	t.Parallel()
	postgres, headway := services(t, secrets)
	for _, tt := range []struct {
		service types.ServiceConfig
		target  string
	}{
		{postgres, "/var/lib/postgresql/data"},
		{headway, *headway.Environment["HEADWAY_DATA"]},
	} {
		kept := false
		for _, v := range tt.service.Volumes {
			kept = kept || (v.Target == tt.target && v.Type == types.VolumeTypeVolume && v.Source != "")
		}
		if !kept {
			t.Errorf("%s of %s is on no named volume: %+v", tt.target, tt.service.Name, tt.service.Volumes)
		}
	}
}

// TestComposeSettings reads the environment of the container with the reader
// that the process itself uses, which refuses what it does not know.
func TestComposeSettings(t *testing.T) {
	t.Parallel()
	forReal := secrets.Clone()
	for name, value := range map[string]string{
		"HEADWAY_WEB_PUBLIC_URL":        "https://news.example.com",
		"HEADWAY_SENDING_SOURCE":        "192.0.2.10",
		"HEADWAY_SENDING_HELO_NAME":     "mail.example.com",
		"HEADWAY_SENDING_BOUNCE_DOMAIN": "bounces.example.com",
	} {
		forReal[name] = value
	}
	for _, tt := range []struct {
		name      string
		variables types.Mapping
		sending   config.Sending
		publicURL string
	}{
		{"to begin with", secrets, config.Sending{}, ""},
		{"for real", forReal, config.Sending{Source: "192.0.2.10", HELOName: "mail.example.com", BounceDomain: "bounces.example.com"},
			"https://news.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			postgres, headway := services(t, tt.variables)
			var environ []string
			for name, value := range headway.Environment {
				environ = append(environ, name+"="+*value)
			}
			got, err := config.Load(config.Sources{Environ: environ, DataDir: func() (string, error) { return t.TempDir(), nil }})
			if err != nil {
				t.Fatal(err)
			}
			want := config.Default()
			want.Data = "/var/lib/headway"
			want.Database.URL = "postgres://" + *postgres.Environment["POSTGRES_USER"] + "@postgres/" + *postgres.Environment["POSTGRES_DB"]
			want.Web.Listen, want.Web.PublicListen, want.Web.PublicURL, want.Web.Password = "0.0.0.0:8080", "0.0.0.0:8081", tt.publicURL, "a web password"
			want.Sending.Source, want.Sending.HELOName, want.Sending.BounceDomain = tt.sending.Source, tt.sending.HELOName, tt.sending.BounceDomain
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("settings in the container (-want +got):\n%s", diff)
			}
			if *headway.Environment["PGPASSWORD"] != *postgres.Environment["POSTGRES_PASSWORD"] {
				t.Error("headway has another password than its database")
			}
		})
	}
}
