package web

import (
	"context"
	"errors"
	"time"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/listhygiene"
	"github.com/headwaymail/headway/listhygiene/probation"
)

// verdictsView is what a verification found: bars by verdict, and the reasons.
type verdictsView struct {
	State    postgres.VerificationState
	Words    string
	Judged   int64
	Domains  int64 // looked up
	Changed  int64
	Mendable int64
	Bars     []verdictBar
	Reasons  []reason
	Import   int64 // of which it is; 0: of a whole list
}

// verdictBar is the share of contacts with a verdict.
type verdictBar struct {
	Verdict listhygiene.Verdict
	Fill    string // the colour, as of a delivery's state
	Means   string
	Count   int64
	Share   string
	W       int // in thousandths
}

// verdictFills give verdicts the colours of what they lead to.
var verdictFills = map[listhygiene.Verdict]string{
	listhygiene.Deliverable: "delivered", listhygiene.Unproven: "suppressed", listhygiene.Unknown: "in_doubt",
	listhygiene.Risky: "deferred", listhygiene.Undeliverable: "bounced",
}

func newVerdictsView(v postgres.Verification, now time.Time) *verdictsView {
	view := &verdictsView{State: v.State, Words: verificationWords(v, now), Judged: v.Judged(), Domains: v.DomainsDone,
		Changed: v.Counts.Changed, Mendable: v.Counts.Mendable, Import: v.Scope.Import}
	for _, verdict := range listhygiene.Verdicts() {
		n := v.Counts.Verdicts[string(verdict)]
		bar := verdictBar{Verdict: verdict, Fill: verdictFills[verdict], Means: capital(verdict.Words()), Count: n, Share: share(n, view.Judged)}
		if n > 0 {
			bar.W = max(int(float64(n)/float64(view.Judged)*barScale), thinnest)
		}
		view.Bars = append(view.Bars, bar)
	}
	for _, code := range byCount(v.Counts.Reasons) {
		r := listhygiene.Reason(code)
		view.Reasons = append(view.Reasons, reason{Words: capital(r.Words()), Hint: string(r.Verdict()), Count: v.Counts.Reasons[code]})
	}
	return view
}

func verificationWords(v postgres.Verification, now time.Time) string {
	switch v.State {
	case postgres.VerificationWaiting:
		return "Waiting to be verified"
	case postgres.VerificationDomains:
		return "Looking up domains: " + count(v.DomainsDone) + " of " + count(v.DomainsTotal)
	case postgres.VerificationContacts:
		return "Giving verdicts: " + count(v.Judged()) + " of " + count(v.ContactsTotal)
	case postgres.VerificationDone:
		return "Verified " + moment(v.FinishedAt, now) + " UTC"
	}
	return string(v.State)
}

// Done reports whether the figures stand still.
func (v *verdictsView) Done() bool { return v.State == postgres.VerificationDone }

// qualityView is what sending has shown of an import's contacts.
type qualityView struct {
	Sum     probation.Tally
	Hard    string // share of hard bounces
	Good    string // share delivered
	Trials  []trialView
	Stopped string // when its contacts went badly; empty otherwise
	Why     string
}

// trialView is one slice.
type trialView struct {
	Campaign int64
	Name     string
	Ordinal  int
	Tally    probation.Tally
	Hard     string
	Words    string
	Course   probation.Course
}

var courseWords = map[probation.Course]string{
	probation.Wait: "On its way", probation.Next: "Went well", probation.Warn: "On the edge", probation.Stop: "Stopped the file",
}

func newQualityView(q postgres.ImportQuality) *qualityView {
	if len(q.Trials) == 0 {
		return nil
	}
	tried := q.Sum.Delivered + q.Sum.Bounced
	view := &qualityView{Sum: q.Sum, Hard: share(q.Sum.Bounced, tried), Good: share(q.Sum.Delivered, tried), Why: q.StoppedWhy}
	if !q.StoppedAt.IsZero() {
		view.Stopped = stamp(q.StoppedAt)
	}
	for _, t := range q.Trials {
		words := courseWords[t.Course]
		if t.Words != "" {
			words += ": " + t.Words
		}
		view.Trials = append(view.Trials, trialView{Campaign: t.Campaign, Name: t.CampaignName, Ordinal: t.Ordinal, Tally: t.Tally,
			Hard: share(t.Tally.Bounced, t.Tally.Delivered+t.Tally.Bounced), Words: words, Course: t.Course})
	}
	return view
}

// addHygiene adds to an import what verification and sending have shown of its
// contacts. The page goes on living until the verification has ended.
func (s *Server) addHygiene(ctx context.Context, v *importView, i postgres.Import) error {
	v.ListID = i.List
	if i.State == postgres.ImportChecked {
		samples, err := s.service.ImportSamples(ctx, i)
		if err != nil {
			return err
		}
		v.Sampled = samples.Rows
		for _, kind := range service.ImportKinds() {
			if rows := samples.Kinds[kind]; len(rows) > 0 {
				v.Samples = append(v.Samples, sampleView{kind, rows})
			}
		}
	}
	found, err := s.service.Store.NewestVerification(ctx, postgres.VerificationScope{List: i.List, Import: i.ID})
	switch {
	case errors.Is(err, postgres.ErrNotFound):
	case err != nil:
		return err
	default:
		v.Verdicts = newVerdictsView(found, v.At)
		v.Settled = v.Settled && v.Verdicts.Done()
	}
	quality, err := s.service.Store.ImportQuality(ctx, i.ID)
	if err != nil {
		return err
	}
	v.Quality = newQualityView(quality)
	return nil
}
