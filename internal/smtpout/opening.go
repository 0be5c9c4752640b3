package smtpout

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/dnsclient"
	"github.com/headwaymail/headway/pacing/reply"
)

// opening is a session before its first message.
type opening struct {
	d      *Dialer
	ctx    context.Context
	link   *link
	policy TLSPolicy
	relay  *Relay // nil at the mail hosts of a domain
	info   Info
}

// open brings a connection to where messages may be sent, or closes it.
func (d *Dialer) open(ctx context.Context, host string, to netip.AddrPort, conn net.Conn, mx dnsclient.MXAnswer, policy TLSPolicy, relay *Relay) (*Session, *Failure) {
	o := &opening{d: d, ctx: ctx, policy: policy, relay: relay}
	o.info = Info{Host: host, Addr: to, Local: addrPort(conn.LocalAddr()), MX: mx, Opened: time.Now()}
	if relay != nil {
		o.info.Relay, o.info.Signs = relay.Key(), relay.Signs
	}
	conn, err := o.envelop(conn)
	if err != nil {
		return nil, without(StageTLS, "4.7.5", err)
	}
	o.link = newLink(conn)
	stop := context.AfterFunc(ctx, o.link.interrupt)
	f := o.run()
	if !stop() && f == nil {
		f = without(StageEHLO, "4.4.2", context.Cause(ctx))
	}
	if f != nil {
		o.link.cut()
		return nil, f
	}
	return &Session{link: o.link, info: o.info, timeouts: d.timeouts}, nil
}

func notConnected(ctx context.Context, err error) *Failure {
	if errors.Is(err, ErrOutsideLoopback) || errors.Is(err, ErrUnroutable) {
		return notAdmitted(err)
	}
	return without(StageConnect, "4.4.1", cmp.Or(context.Cause(ctx), err))
}

// notAdmitted makes a failure of an address that must not be connected to.
func notAdmitted(err error) *Failure {
	if errors.Is(err, ErrUnroutable) {
		return without(StageRoute, "5.1.2", err)
	}
	return without(StageRoute, "5.4.4", err)
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

func (o *opening) run() *Failure {
	if f := o.greet(); f != nil {
		return f
	}
	if f := o.hello(); f != nil {
		return f
	}
	if f := o.encrypt(); f != nil {
		return f
	}
	if o.relay != nil && o.relay.User != "" {
		return o.login()
	}
	return nil
}

// encrypt upgrades to TLS where that is possible and wanted.
func (o *opening) encrypt() *Failure {
	switch {
	case o.policy.Mode == TLSOff, o.info.TLS.Version != "":
		return nil
	case !o.info.Extensions.StartTLS && o.policy.strict():
		return without(StageTLS, "4.7.10", ErrNoTLS)
	case !o.info.Extensions.StartTLS:
		return nil
	}
	return o.secure()
}

// envelop puts TLS around a connection to a relay that wants it from the first
// byte.
func (o *opening) envelop(conn net.Conn) (net.Conn, error) {
	if o.relay == nil || !o.relay.Implicit {
		return conn, nil
	}
	ctx, cancel := context.WithTimeoutCause(o.ctx, o.d.timeouts.Command, waited(o.d.timeouts.Command))
	defer cancel()
	encrypted := tls.Client(conn, o.policy.config(o.info.Host, o.d.sessions))
	if err := encrypted.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	o.info.TLS = tlsInfo(encrypted.ConnectionState(), o.policy)
	return encrypted, nil
}

// greet waits for the server's first words (RFC 5321 §3.1).
func (o *opening) greet() *Failure {
	rep, f := o.hear(StageGreeting, reply.PhaseConnect, o.d.timeouts.Greeting)
	if f != nil {
		return f
	}
	o.info.Greeting = rep
	o.note(StageGreeting, "", rep)
	if rep.Code/100 != 2 {
		return o.refused(StageGreeting, rep)
	}
	return nil
}

// hello says EHLO, and HELO where EHLO is refused for good (RFC 5321 §3.2).
func (o *opening) hello() *Failure {
	rep, f := o.ask(StageEHLO, reply.PhaseEHLO, "EHLO "+o.name())
	if f != nil {
		return f
	}
	o.info.Extensions = Extensions{}
	if rep.Code/100 == 5 {
		if rep, f = o.again(rep); f != nil {
			return f
		}
	} else if rep.Code/100 == 2 {
		o.info.Extensions = extensions(rep, o.d.Ignore)
	}
	o.info.Hello = rep
	if rep.Code/100 != 2 {
		return o.refused(StageEHLO, rep)
	}
	return nil
}

// again says HELO where EHLO was refused. Where that brings no better answer the
// refusal stands, unless it was of the command only (x0z, RFC 5321 §4.2.1): who
// does not want us says so once, and then calls HELO out of order, or leaves.
func (o *opening) again(refusal reply.Reply) (reply.Reply, *Failure) {
	rep, f := o.ask(StageEHLO, reply.PhaseEHLO, "HELO "+o.name())
	silent, refused := f != nil && f.Reply.Code == 0, rep.Code/100 == 5
	if (silent || refused) && refusal.Code/10%10 != 0 && o.ctx.Err() == nil {
		return refusal, o.refused(StageEHLO, refusal)
	}
	return rep, f
}

// name returns our name; without one, the address literal that RFC 5321 §4.1.4
// allows in its place.
func (o *opening) name() string {
	local := o.info.Local.Addr().Unmap().WithZone("")
	switch {
	case o.d.HELO != "":
		return o.d.HELO
	case local.Is6():
		return "[IPv6:" + local.String() + "]"
	case local.IsValid():
		return "[" + local.String() + "]"
	default:
		return "[127.0.0.1]"
	}
}

// secure upgrades to TLS and greets again, since nothing that was said in the
// clear counts any more (RFC 3207 §4.2).
func (o *opening) secure() *Failure {
	o.link.pause()
	rep, f := o.ask(StageTLS, reply.PhaseStartTLS, "STARTTLS")
	switch {
	case f != nil:
		return f
	case rep.Code == 421 || rep.Code/100 != 2 && o.policy.strict():
		return o.refused(StageTLS, rep)
	case rep.Code/100 != 2: // not now, and the clear is allowed
		if err := o.link.paused(o.ctx, o.d.timeouts.Command); err != nil {
			return without(StageTLS, "4.4.2", err)
		}
		o.link.listen()
		return nil
	}
	config := o.policy.config(o.info.Host, o.d.sessions)
	state, err := o.link.encrypt(o.ctx, config, o.d.timeouts.Command)
	if err != nil {
		return without(StageTLS, "4.7.5", err)
	}
	o.info.TLS = tlsInfo(state, o.policy)
	f = o.hello()
	if f != nil && f.Reply.Code == 0 { // in TLS 1.3 a refused handshake shows only now
		f.Stage = StageTLS
	}
	return f
}

// ask sends a command line and hears the reply to it.
func (o *opening) ask(stage Stage, phase reply.Phase, command string) (reply.Reply, *Failure) {
	o.link.expect(1)
	_, err := o.link.say([]byte(command+"\r\n"), o.d.timeouts.Command)
	if err == nil {
		rep, f := o.hear(stage, phase, o.d.timeouts.Command)
		o.note(stage, command, rep)
		return rep, f
	}
	rep, f := o.hear(stage, phase, lastWords)
	if f == nil { // an answer to what was never sent whole
		return rep, o.refused(stage, rep)
	}
	if _, silence := errors.AsType[waited](f.Err); silence {
		return rep, o.lost(stage, err)
	}
	return rep, f
}

// hear waits for a reply. One that was cut short counts only as a refusal.
func (o *opening) hear(stage Stage, phase reply.Phase, timeout time.Duration) (reply.Reply, *Failure) {
	rep, err := o.link.hear(o.ctx, timeout)
	rep.Phase = phase
	switch {
	case err == nil:
		return rep, nil
	case rep.Code/100 >= 4:
		return rep, o.refused(stage, rep)
	default:
		f := o.lost(stage, err)
		f.Reply.Lines = append(f.Reply.Lines, rep.Lines...)
		return rep, f
	}
}

// refused makes a failure out of a reply that is not the one hoped for. One
// that makes no sense at all counts as none.
func (o *opening) refused(stage Stage, rep reply.Reply) *Failure {
	if rep.Code/100 < 4 {
		return without(stage, "4.5.0", errors.New("unexpected reply: "+strings.TrimSpace(rep.String())))
	}
	// A 5xx to STARTTLS is no last word: encryption may work another day (RFC 8461 §5).
	return &Failure{Stage: stage, Reply: rep, Permanent: rep.Code >= 500 && stage != StageTLS}
}

func (o *opening) lost(stage Stage, err error) *Failure {
	return without(stage, "4.4.2", err)
}
