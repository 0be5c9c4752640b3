package listhygiene

// Verdict is the claim that verification makes about an address.
type Verdict string

// The verdicts. Unproven is a finished check that found nothing for or against;
// Unknown means that the check itself could not be finished and must be repeated.
const (
	Deliverable   Verdict = "deliverable"   // proof: accepted within 180 days and no later bounce, or confirmed opt-in
	Unproven      Verdict = "unproven"      // well formed, the domain takes mail, nothing else is known
	Risky         Verdict = "risky"         // can be mailed, expected to go badly
	Undeliverable Verdict = "undeliverable" // proof that it cannot work
	Unknown       Verdict = "unknown"       // we could not find out
)

// Verdicts returns every verdict, the best first.
func Verdicts() []Verdict {
	return []Verdict{Deliverable, Unproven, Unknown, Risky, Undeliverable}
}

// Words says the verdict in plain words.
func (v Verdict) Words() string {
	switch v {
	case Deliverable:
		return "takes mail: proven"
	case Unproven:
		return "well formed, not yet proven"
	case Risky:
		return "can be mailed, but will probably go badly"
	case Undeliverable:
		return "cannot receive mail"
	case Unknown:
		return "could not be checked; will be tried again"
	}
	return string(v)
}

// Decision says what is done about a contact when a campaign is launched. It
// follows from verdict and policy, so that a change of policy needs no new
// verification.
type Decision string

// The decisions.
const (
	Send       Decision = "send"
	Probation  Decision = "probation"  // in small slices first, watched
	Hold       Decision = "hold"       // not mailed until something changes
	Suppressed Decision = "suppressed" // must not be mailed
)

// Policy says what is done with each verdict. The zero value is the default.
type Policy struct {
	// SendRisky mails risky addresses instead of holding them. Defaults to false.
	SendRisky bool
	// TrustUnproven mails unproven and unknown addresses at once instead of in
	// probation, for contacts with proof of consent. Defaults to false.
	TrustUnproven bool
}

// Decide says what is done with a contact of this verdict. A contact without a
// verdict counts as unknown.
func (p Policy) Decide(v Verdict, suppressed bool) Decision {
	switch {
	case suppressed:
		return Suppressed
	case v == Deliverable, v == Risky && p.SendRisky:
		return Send
	case v == Unproven, v == Unknown, v == "":
		if p.TrustUnproven {
			return Send
		}
		return Probation
	}
	return Hold
}
