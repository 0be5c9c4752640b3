package mailserver

import "net"

// Postfix reads main.cf and master.cf. It has no look-ups, nothing local, and all
// services that deliver over SMTP, to mailboxes or nowhere. It listens where
// master.cf says: inet_interfaces takes only addresses that stand on an
// interface, of which loopback has one.
var Postfix = Program{
	Name: "Postfix", path: "/usr/sbin/postfix", deb: "postfix", logs: []string{"maillog"},
	usual: map[string]string{
		"main.cf": `
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/maillog
myhostname = {name}
mydestination =
alias_maps =
alias_database =
fast_flush_domains =
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
`,
		"master.cf": `
{host}:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`},
	prepare: "mkdir -p {folder}/queue {folder}/data; chown postfix {folder}/data",
	command: "/usr/sbin/postfix -c {folder} start-fg",
}

// NextHop writes an address the way Postfix names a next hop without DNS.
func NextHop(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return "[" + host + "]:" + port
}

// Exim reads exim.conf, of which the main section has begun. It runs as its own
// account, also where it delivers, and looks up nobody who calls.
var Exim = Program{
	Name: "Exim", path: "/usr/sbin/exim4", deb: "exim4-daemon-light", accounts: []string{"Debian-exim"},
	logs: []string{"mainlog", "rejectlog", "paniclog"},
	usual: map[string]string{"exim.conf": `
primary_hostname = {name}
deliver_drop_privilege
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = <; [{host}]:{port}
daemon_smtp_ports = {port}
host_lookup =
rfc1413_hosts =
keep_environment =
`},
	prepare: "mkdir -p {folder}/spool; chown -R Debian-exim {folder}",
	// As who it is when it has given up root's rights.
	command: "setpriv --reuid Debian-exim --regid Debian-exim --clear-groups /usr/sbin/exim4 -bdf -q10s -C {folder}/exim.conf",
}

// OpenSMTPD reads smtpd.conf. Its folders are fixed when it is built.
var OpenSMTPD = Program{
	Name: "OpenSMTPD", path: "/usr/sbin/smtpd", deb: "opensmtpd", accounts: []string{"opensmtpd", "opensmtpq"},
	prepare: `
for folder in /var/spool /var/lib /run; do mount -t tmpfs none $folder; done
mkdir -p -m 711 /var/spool/smtpd /var/lib/opensmtpd/empty`,
	command: "/usr/sbin/smtpd -d -f {folder}/smtpd.conf",
}

// Sendmail reads sendmail.cf.
var Sendmail = Program{
	Name: "Sendmail", path: "/usr/libexec/sendmail/sendmail", deb: "sendmail-bin", accounts: []string{"smmta", "smmsp"},
	usual: map[string]string{"sendmail.cf": `V10/Berkeley
DnMAILER-DAEMON
Dj{name}
O DaemonPortOptions=Port={port},Addr={host},Name=MTA
O QueueDirectory={folder}/spool
O PidFile={folder}/pid
O StatusFile={folder}/statistics
O HostStatusDirectory=
O ResolverOptions=-DNSRCH
O ServiceSwitchFile={folder}/switch
O HostsFile=/etc/hosts
O Timeout.ident=0
`, "switch": "hosts files\naliases files\n"},
	prepare: "mkdir -p -m 700 {folder}/spool",
	command: "/usr/libexec/sendmail/sendmail -C {folder}/sendmail.cf -bD",
}

// OpenDKIM reads opendkim.conf. It speaks to mail servers as their milter.
var OpenDKIM = Program{
	Name: "OpenDKIM", path: "/usr/sbin/opendkim", deb: "opendkim",
	usual:   map[string]string{"opendkim.conf": "Syslog no\nUserID opendkim\nSocket inet:{port}@{host}\n"},
	command: "/usr/sbin/opendkim -f -x {folder}/opendkim.conf",
}
