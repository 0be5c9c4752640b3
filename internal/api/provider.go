package api

import (
	"math"
	"time"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/internal/service"
	"github.com/headwaymail/headway/pacing/reply"
)

// Provider is whoever runs the mail hosts of a set of domains, and how it takes
// our mail now.
type Provider struct {
	ID       int64        `json:"id"`
	Key      string       `json:"key" doc:"What it is called in commands and addresses: google, or the registrable domain of its mail hosts."`
	Name     string       `json:"name"`
	State    string       `json:"state" enum:"not_tried,normal,slowed,held" doc:"slowed: a limit was met and has not been passed since, or a pause after a refusal; held: nothing is sent."`
	Waiting  int64        `json:"waiting" doc:"Messages of campaigns that are sending or paused."`
	LastHour LastHour     `json:"last_hour"`
	Measured *Measurement `json:"measured,omitzero" doc:"The last measurement of its limit; only where one provider is asked for."`
	Paces    []Pace       `json:"paces" doc:"One for each source that mailed it, or for which somebody decided by hand."`
}

// LastHour is what came of the attempts of the last hour.
type LastHour struct {
	Accepted      int64   `json:"accepted"`
	Deferred      int64   `json:"deferred"`
	Bounced       int64   `json:"bounced"`
	Throttled     int64   `json:"throttled" doc:"Replies with code 421."`
	DeferredShare float64 `json:"deferred_share" doc:"From 0 to 1."`
}

// Measurement is how a limit was found.
type Measurement struct {
	At        time.Time `json:"at"`
	PerSecond float64   `json:"per_second"`
	Reason    string    `json:"reason"`
	Reply     string    `json:"reply,omitzero"`
}

// Pace is how fast one source may send to a provider, and why.
type Pace struct {
	Source          Source    `json:"source"`
	Mode            string    `json:"mode" enum:"start,climb,steady,pause,hold,knock"`
	PerSecond       float64   `json:"per_second" doc:"Messages a second that are allowed now; 0 during a hold."`
	KnownGood       float64   `json:"known_good,omitzero" doc:"The highest rate known to be accepted, in messages a second."`
	KnownBad        float64   `json:"known_bad,omitzero" doc:"The lowest rate known to be refused."`
	Cap             float64   `json:"cap,omitzero" doc:"The rate that somebody set by hand as the highest."`
	Lanes           int       `json:"lanes" doc:"Connections that may be open at one time."`
	MessagesPerLane int       `json:"messages_per_lane" doc:"Messages that one connection may carry."`
	HoldUntil       time.Time `json:"hold_until,omitzero" doc:"When a hold is looked at next, or a pause ends."`
	HeldByHand      bool      `json:"held_by_hand"`
	NextLook        time.Time `json:"next_look,omitzero" doc:"The next look for a higher limit, or the next try during a hold."`
	GreylistSeconds float64   `json:"greylist_seconds,omitzero" doc:"First attempts are put off; retries pass after this time."`
	AvoidedHosts    []string  `json:"avoided_hosts,omitempty" doc:"Hosts that fail while others work."`
	Reason          string    `json:"reason" doc:"Why, in plain words."`
	Reply           string    `json:"reply,omitzero" doc:"What the server said, verbatim and in full."`
	ReasonAt        time.Time `json:"reason_at,omitzero"`
	Learned         []string  `json:"learned" doc:"One sentence for each limit that is known, the firmest first."`
	RefusalBudget   float64   `json:"refusal_budget" doc:"How many refusals the search for more may still cost."`
	UpdatedAt       time.Time `json:"updated_at"`
}

// Source is a local address that mail is sent from.
type Source struct {
	ID       int64  `json:"id"`
	Address  string `json:"address"`
	HELOName string `json:"helo_name"`
}

// NewProvider puts a standing into the form that programs read.
func NewProvider(p service.ProviderStanding) Provider {
	view := Provider{ID: p.ID, Key: p.Key, Name: p.Name, Waiting: p.Waiting, State: "not_tried",
		LastHour: LastHour{Accepted: p.Recent.Accepted, Deferred: p.Recent.Deferred, Bounced: p.Recent.Bounced,
			Throttled: p.Recent.Throttled, DeferredShare: round(p.DeferredShare())},
		Paces: views(p.Sources, newPace)}
	main, mailed := p.Main()
	switch {
	case !mailed:
	case main.Pace.Mode == "hold" || main.Pace.Mode == "knock":
		view.State = "held"
	case main.Pace.Mode == "pause" || main.Pace.Hi > 0:
		view.State = "slowed"
	default:
		view.State = "normal"
	}
	return view
}

func newPace(s service.SourceStanding) Pace {
	p := s.Pace
	view := Pace{Source: Source{ID: s.Source.ID, Address: s.Source.Address, HELOName: s.Source.HELO}, Mode: p.Mode,
		PerSecond: round(p.Rate), KnownGood: round(p.Lo), KnownBad: round(p.Hi), Cap: round(s.Cap), Lanes: p.Lanes,
		MessagesPerLane: p.PerLane, HoldUntil: utc(p.HoldUntil), HeldByHand: p.Manual, NextLook: utc(p.Next), AvoidedHosts: p.Avoid,
		Reason: p.Reason, Reply: p.Reply, ReasonAt: utc(s.Said), Learned: append([]string{}, s.Learned...),
		RefusalBudget: round(s.Budget), UpdatedAt: utc(s.Updated)}
	if p.Greylists {
		view.GreylistSeconds = p.RetryAfter.Seconds()
	}
	return view
}

// round keeps what is meaningful of a rate: six digits.
func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// utc drops fractions of a second, and keeps the zero time.
func utc(t time.Time) time.Time {
	if t.IsZero() || t.Unix() <= 0 { // of a pacer that has none
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func listProviders(c *call) (any, error) {
	all, err := c.service.Providers(c.Context())
	if err != nil {
		return nil, err
	}
	return newPage(c.page, all, NewProvider), nil
}

// provider finds the provider of a call's address.
func (c *call) provider() (postgres.Provider, error) {
	return c.service.FindProvider(c.Context(), c.PathValue("provider"))
}

func getProvider(c *call) (any, error) {
	found, err := c.provider()
	if err != nil {
		return nil, err
	}
	return oneProvider(c, found.ID)
}

func oneProvider(c *call, id int64) (Provider, error) {
	standing, err := c.service.Provider(c.Context(), id)
	if err != nil {
		return Provider{}, err
	}
	view := NewProvider(standing)
	measured, err := c.service.Store.LastMeasured(c.Context(), id)
	if err != nil {
		return Provider{}, err
	}
	if measured != nil {
		view.Measured = &Measurement{At: utc(measured.At), PerSecond: round(measured.Now), Reason: measured.Reason, Reply: measured.Reply}
	}
	return view, nil
}

// PaceEvent is a change of pace and its reason.
type PaceEvent struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	SourceID int64     `json:"source_id"`
	Kind     string    `json:"kind" enum:"start,faster,slower,measured,hold,knock,release,lanes,warm-up,operator"`
	Was      float64   `json:"was" doc:"Messages a second; lanes or seconds for the kind lanes, as the reason says."`
	Now      float64   `json:"now"`
	Reason   string    `json:"reason"`
	Reply    string    `json:"reply,omitzero" doc:"What the server said, verbatim."`
	Until    time.Time `json:"until,omitzero"`
}

// NewPaceEvent puts a change of pace into the form that programs read.
func NewPaceEvent(e postgres.PaceEvent) PaceEvent {
	view := PaceEvent{ID: e.ID, At: utc(e.At), SourceID: e.Source, Kind: e.Kind, Was: round(e.Was), Now: round(e.Now),
		Reason: e.Reason, Reply: e.Reply}
	if e.Until != nil {
		view.Until = utc(*e.Until)
	}
	return view
}

func listEvents(c *call) (any, error) {
	found, err := c.provider()
	if err != nil {
		return nil, err
	}
	before := c.page.after
	if before == 0 {
		before = math.MaxInt64
	}
	events, err := c.service.Store.PaceEventsBefore(c.Context(), found.ID, before, c.page.limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(events) > c.page.limit {
		events = events[:c.page.limit]
		next = cursor(events[len(events)-1].ID)
	}
	return Page[PaceEvent]{Items: views(events, NewPaceEvent), Next: next}, nil
}

// ReplyGroup is how often servers gave the same kind of refusal.
type ReplyGroup struct {
	Provider string    `json:"provider" doc:"Its name."`
	Outcome  string    `json:"outcome" doc:"deferred, bounced, throttled, …: what became of the attempts."`
	Code     int       `json:"code" doc:"The code of the reply; 0 when the connection failed without one."`
	Class    string    `json:"class" doc:"What the refusal means for the pace."`
	Rule     string    `json:"rule" doc:"The rule that decided."`
	Count    int64     `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Sample   string    `json:"sample" doc:"The newest of these replies, verbatim."`
	Meaning  string    `json:"meaning" doc:"What it means, in plain words."`
	Remedy   string    `json:"remedy" doc:"What Headway does about it."`
}

// NewReplyGroup puts a group of refusals into the form that programs read.
func NewReplyGroup(g postgres.ReplyGroup) ReplyGroup {
	view := ReplyGroup{Provider: g.Provider, Outcome: g.Outcome, Code: g.Code, Class: g.Class, Rule: g.Rule, Count: g.Count,
		First: utc(g.First), Last: utc(g.Last), Sample: g.Sample}
	view.Meaning, view.Remedy = reply.Explain(reply.Class(g.Class), g.Code, g.Outcome == string(campaign.Bounced))
	return view
}

const (
	// repliesFor is how far back a provider's replies go.
	repliesFor = 24 * time.Hour
	// replyGroups bounds what is grouped.
	replyGroups = 500
)

func providerReplies(c *call) (any, error) {
	found, err := c.provider()
	if err != nil {
		return nil, err
	}
	groups, err := c.service.Store.ProviderReplies(c.Context(), found.ID, c.now.Add(-repliesFor), replyGroups)
	if err != nil {
		return nil, err
	}
	return newPage(c.page, groups, NewReplyGroup), nil
}
