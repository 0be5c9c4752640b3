package smtpout

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/headwaymail/headway/internal/mailserver"
	"github.com/headwaymail/headway/internal/mailserver/mailservertest"
)

// receiverKind is one of Debian's mail servers as a receiver.
type receiverKind struct {
	mailserver.Program
	files     map[string]string
	prepare   string   // of the shell, before it starts
	without   []string // extensions that it does not have
	breaksTLS bool     // it offers STARTTLS, and the handshake fails
	atATime   int      // messages per connection, until its limit of rate is met
}

func (k receiverKind) lacks(extension string) bool { return slices.Contains(k.without, extension) }

// receiverKinds are servers that store mail in files below mail, and know
// reader1 to reader4 of two.test.
var receiverKinds = []receiverKind{
	{
		Program: mailserver.Postfix, atATime: 20,
		// What of it ends early is begun again soon, not after a minute, which is as
		// long as we wait for a reply.
		files: map[string]string{
			"boxes": "/^reader.*/ all/\n",
			"main.cf": fmt.Sprintf(`
mynetworks = 127.255.255.254/32
service_throttle_time = 1s
smtputf8_enable = yes
message_size_limit = %d
virtual_mailbox_domains = two.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = regexp:{folder}/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/tls.crt
smtpd_tls_key_file = {folder}/tls.key
smtpd_client_message_rate_limit = 60
smtpd_client_event_limit_exceptions =
`, receiverSize)},
	},
	{
		Program: mailserver.Exim, atATime: 20,
		files: map[string]string{"exim.conf": fmt.Sprintf(`
tls_advertise_hosts = *
tls_certificate = {folder}/tls.crt
tls_privatekey = {folder}/tls.key
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
accept_8bitmime
message_size_limit = %d
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
begin acl
acl_mail:
  defer message = too much mail, try again later
        ratelimit = 60 / 1h / per_mail / strict
  accept
acl_rcpt:
  accept domains = two.test
         local_parts = ^reader
  deny message = no such user
begin routers
all:
  driver = accept
  transport = store
begin transports
store:
  driver = appendfile
  directory = {folder}/mail/all
  maildir_format
  create_directory
`, receiverSize)},
	},
	{
		Program: mailserver.OpenSMTPD, atATime: 80,
		// Debian 12 builds 6.8 with an OpenSSL that does not ask the process that
		// has the key: "missing private key", whoever calls.
		breaksTLS: true,
		without:   []string{"PIPELINING", "CHUNKING"},
		files: map[string]string{
			"store": storeScript,
			"smtpd.conf": fmt.Sprintf(`
pki "mx.two.test" cert "{folder}/tls.crt"
pki "mx.two.test" key "{folder}/tls.key"
smtp max-message-size %d
smtp limit max-mails 40
table boxes { "reader1" = "nobody", "reader2" = "nobody", "reader3" = "nobody", "reader4" = "nobody" }
listen on {host} port {port} hostname "mx.two.test" tls pki "mx.two.test"
action "store" mda "{folder}/store" virtual <boxes>
match from any for domain "two.test" action "store"
`, receiverSize)},
		prepare: "chmod 755 {folder}/store",
	},
	{
		Program: mailserver.Sendmail, atATime: 1, without: []string{"CHUNKING"},
		files: map[string]string{
			"store": storeScript,
			// It takes connections and delivers at once, whatever else the machine does.
			"sendmail.cf": fmt.Sprintf(`
O RefuseLA=10000
O QueueLA=10000
O DefaultUser=nobody
O EightBitMode=pass8
O MaxMessageSize=%d
O ServerCertFile=/var/lib/tls.crt
O ServerKeyFile=/var/lib/tls.key
O CACertFile=/var/lib/tls.crt
O CACertPath=/var/lib
O ConnectionRateWindowSize=60
O DeliveryMode=background
Karith arith
HReceived: from $s by $j id $i; $b
Scanonify=3
R$* < $* > $*	$2
Sparse=0
R$+	$#store $@ two.test $: $1
Scheck_relay
R$*	$: $(arith l $@ 25 $@ $&{client_rate} $)
RTRUE	$#error $@ 4.3.2 $: "421 Too many connections from you, try again later"
Scheck_rcpt
R< nobody @ $* >	$#error $@ 5.1.1 $: "550 no such user"
R nobody @ $*	$#error $@ 5.1.1 $: "550 no such user"
Mstore,	P={folder}/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
Mlocal,	P={folder}/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
Mprog,	P={folder}/store, F=lsDFMn89, U=nobody, T=DNS/RFC822/X-Unix, A=store $u
`, receiverSize)},
		// It takes no key from below a folder where all may write.
		prepare: `
mount -t tmpfs -o mode=755 none /var/lib
cp -p {folder}/tls.crt {folder}/tls.key /var/lib
chmod 755 {folder}/store`,
	},
}

// storeScript is a program that puts a message into a file.
const storeScript = "#!/bin/sh\nname=$(mktemp {folder}/mail/XXXXXXXX) && cat >$name.part && mv $name.part $name\n"

// startReceiver starts a server of a kind and waits until it listens.
func startReceiver(t *testing.T, kind receiverKind) *receiver {
	t.Helper()
	files := rsaCertificate(t)
	maps.Copy(files, kind.files)
	server := mailservertest.Start(t, kind.Program, mailserver.Setup{Name: "mx.two.test", Files: files,
		Prepare: "mkdir {folder}/mail; chown nobody {folder}/mail; chmod 600 {folder}/tls.key\n" + kind.prepare})
	return &receiver{receiverKind: kind, folder: server.Folder, port: netip.MustParseAddrPort(server.Address).Port(),
		sent: make(map[string]string)}
}

// rsaCertificate makes a certificate of mx.two.test that [roots] vouches for,
// with an RSA key, as most mail servers have.
func rsaCertificate(t *testing.T) map[string]string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuer := certificate()
	template := *issuer.Leaf
	template.SerialNumber, template.IsCA, template.SignatureAlgorithm = big.NewInt(2), false, x509.UnknownSignatureAlgorithm
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.Leaf, key.Public(), issuer.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"tls.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"tls.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	}
}
