package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/doctor"
	"github.com/headwaymail/headway/internal/postgres"
)

// Step is one of the six lines between an empty installation and the first
// newsletter.
type Step struct {
	Key    string // account, address, domain, machine, test, import
	Title  string
	State  StepState
	Words  string // how it stands
	Fix    string // what to do next; empty when nothing is
	Groups []FindingGroup
}

// StepState says how a line stands.
type StepState string

// The states of a line.
const (
	StepDone     StepState = "done"
	StepOpen     StepState = "open"     // nobody has begun
	StepWrong    StepState = "wrong"    // begun, and something is missing
	StepChecking StepState = "checking" // the answer is on its way
)

// FindingGroup is what was found about one domain, or about the machine.
type FindingGroup struct {
	Name     string // empty where a line has one group only
	Findings []doctor.Finding
}

// Setup is how far an installation is.
type Setup struct {
	At    time.Time // of the checkup; zero before there is one
	Steps []Step
	Test  *postgres.SystemMessage // the newest message of our own; nil for none
}

// Done counts the lines that are green.
func (s Setup) Done() (n int) {
	for _, step := range s.Steps {
		if step.State == StepDone {
			n++
		}
	}
	return n
}

// Next returns the first line that is not green; nil when all are.
func (s Setup) Next() *Step {
	for i := range s.Steps {
		if s.Steps[i].State != StepDone {
			return &s.Steps[i]
		}
	}
	return nil
}

// setupOver is kept from the moment when the dashboard need not speak of the
// setup any more: all was green once, or somebody put the reminder away.
const setupOver = "setup over"

// SetupOver reports whether the setup was finished or put away.
func (s *Service) SetupOver(ctx context.Context) (bool, error) {
	value, err := s.Store.InstanceValue(ctx, setupOver)
	return value != nil, err
}

// DismissSetup puts the reminder of the setup away.
func (s *Service) DismissSetup(ctx context.Context, by Actor) error {
	if err := s.Store.SetInstanceValue(ctx, setupOver, []byte("dismissed")); err != nil {
		return err
	}
	return s.audit(ctx, by, now(), "setup.dismiss", "the setup", "", struct{}{})
}

// Setup says how far an installation is. What must be asked for over the network
// is waited for no longer than patience.
func (s *Service) Setup(ctx context.Context, patience time.Duration) (Setup, error) {
	checkup, err := s.Checkup(ctx, patience)
	if err != nil {
		return Setup{}, err
	}
	var set Setup
	if checkup != nil {
		set.At = checkup.At
	}
	account, err := s.accountStep(ctx)
	if err != nil {
		return set, err
	}
	test, err := s.testStep(ctx, &set, checkup)
	if err != nil {
		return set, err
	}
	imported, err := s.importStep(ctx)
	if err != nil {
		return set, err
	}
	domains, err := s.domainStep(ctx, checkup)
	if err != nil {
		return set, err
	}
	set.Steps = []Step{account, addressStep(checkup), domains, machineStep(checkup), test, imported}
	if set.Next() == nil {
		err = s.Store.SetInstanceValue(ctx, setupOver, []byte("finished"))
	}
	return set, err
}

func (s *Service) accountStep(ctx context.Context) (Step, error) {
	step := Step{Key: "account", Title: "Owner account", State: StepDone, Words: "The pages ask for a login."}
	any, err := s.AnyUser(ctx)
	if err == nil && !any {
		step.State, step.Words = StepOpen, "Nobody has an account: whoever reaches these pages may do everything."
		step.Fix = "Create the owner account. Others are invited afterwards."
	}
	return step, err
}

func addressStep(c *Checkup) Step {
	step := Step{Key: "address", Title: "Public address"}
	if c == nil {
		return step.checking("The address is being tried.")
	}
	step.take(c.Address.Verdict)
	step.Words, step.Fix = c.Address.Words, c.Address.Fix
	return step
}

func (s *Service) domainStep(ctx context.Context, c *Checkup) (Step, error) {
	step := Step{Key: "domain", Title: "Sending domain"}
	keys, err := s.Store.DKIMKeys(ctx)
	if err != nil {
		return step, err
	}
	signer, err := s.signedBy()
	if err != nil {
		return step, err
	}
	if len(keys) == 0 && signer != "" {
		step.State, step.Words = StepDone, "No key is needed here: the relay "+signer+" signs whatever leaves."
		return step, nil
	}
	if len(keys) == 0 {
		step.State, step.Words = StepOpen, "No domain has a key to sign with."
		step.Fix = "Enter the domain that readers will see in From; the DNS records to publish then stand here."
		return step, nil
	}
	if c == nil {
		return step.checking("The DNS records are being looked up."), nil
	}
	verdict, good := doctor.Unknown, 0
	for _, d := range c.Domains {
		step.Groups = append(step.Groups, FindingGroup{d.Name, d.Findings})
		switch v := doctor.Worst(d.Findings); {
		case len(d.Findings) == 0, v == doctor.Unknown:
		case v == doctor.Fail:
			verdict = v
		default:
			good++
		}
	}
	if good > 0 { // one domain that can send is enough to begin with
		verdict = doctor.Pass
	}
	step.take(verdict)
	switch {
	case verdict == doctor.Unknown:
		step.Words, step.Fix = "The DNS could not be asked.", "Look at dns.servers in the settings."
	case verdict != doctor.Pass:
		step.Words = "Not every record is as it should be."
		step.Fix = "Publish what is marked below. Whoever runs the domain's DNS may take some minutes to show it."
	case len(c.Domains) == 1:
		step.Words = c.Domains[0].Name + " can send."
	default:
		step.Words = fmt.Sprintf("%d of %d domains can send.", good, len(c.Domains))
	}
	return step, nil
}

func machineStep(c *Checkup) Step {
	step := Step{Key: "machine", Title: "Server identity"}
	if c == nil {
		return step.checking("The machine's names are being looked up.")
	}
	step.take(doctor.Worst(c.Machine))
	step.Groups = []FindingGroup{{"", c.Machine}}
	step.Words = "Receivers can tell who connects, and mail gets out."
	if step.State != StepDone {
		step.Words = "Receivers would not trust this machine, or cannot be reached."
		step.Fix = "Mend what is marked below, or let a relay take the mail: sending.relays in the settings."
	}
	return step
}

func (s *Service) testStep(ctx context.Context, set *Setup, c *Checkup) (Step, error) {
	step := Step{Key: "test", Title: "Test message", State: StepOpen, Words: "No message was sent yet.",
		Fix: "Send one to yourself, and look at it there: its headers must say pass for SPF, DKIM and DMARC."}
	test, err := s.Store.NewestTest(ctx)
	if errors.Is(err, postgres.ErrNotFound) {
		return step, nil
	}
	if err != nil {
		return step, err
	}
	set.Test = &test
	to := strings.ToLower(test.State.Words())
	switch {
	case test.State.Final() && to == "delivered":
		step.State, step.Words, step.Fix = StepDone, acceptedWords(test, c), ""
	case test.State.Final():
		step.State, step.Words, step.Fix = StepWrong, "The message to "+test.Address+" was not delivered: "+to+".", "Read what the server said, mend it, and send another."
	default:
		step.State, step.Words, step.Fix = StepChecking, "The message to "+test.Address+" is on its way.", ""
		if test.Reply != "" {
			step.Words = "The message to " + test.Address + " was put off, and is tried again by itself."
		}
	}
	if test.Passed && step.State != StepDone {
		step.State, step.Words = StepDone, step.Words+" One before it was accepted."
	}
	return step, nil
}

// acceptedWords says how a test went: who took it, how it travelled, and whether
// its signature can be verified.
func acceptedWords(test postgres.SystemMessage, c *Checkup) string {
	words := cmp.Or(test.Provider, "The server") + " has accepted a message for " + test.Address
	if test.TLS != nil {
		words += map[bool]string{true: ", encrypted on its way", false: ", in the clear"}[*test.TLS]
	}
	words += "."
	if c == nil {
		return words
	}
	for _, d := range c.Domains {
		at := slices.IndexFunc(d.Findings, func(f doctor.Finding) bool { return f.ID == "dkim" })
		if at < 0 || d.Name != domainOf(test.Sender) {
			continue
		}
		if d.Signer != "" {
			return words + " The relay " + d.Signer + " was to sign it: its headers tell whether it did."
		}
		if d.Findings[at].Verdict == doctor.Pass {
			return words + " Its DKIM signature can be verified: the key in DNS is the one that signs."
		}
		return words + " Its DKIM signature cannot be relied upon: " + d.Findings[at].Words
	}
	return words
}

func (s *Service) importStep(ctx context.Context) (Step, error) {
	step := Step{Key: "import", Title: "First list", State: StepDone, Words: "There are contacts to send to."}
	any, err := s.Store.AnyMember(ctx)
	if err == nil && !any {
		step.State, step.Words = StepOpen, "There is nobody to send to yet."
		step.Fix = "Import a file of contacts. Bring along who must not be mailed, too: everybody who left or bounced elsewhere."
	}
	return step, err
}

func (s Step) checking(words string) Step {
	s.State, s.Words = StepChecking, words
	return s
}

func (s *Step) take(v doctor.Verdict) {
	switch v {
	case doctor.Pass, doctor.Warn:
		s.State = StepDone
	default:
		s.State = StepWrong
	}
}
