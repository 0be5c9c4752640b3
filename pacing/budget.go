package pacing

// budget is the number of refusals that the controller may still provoke.
//
// Searching for a limit costs refusals, and receivers that remember hold them
// against us. Accepted mail earns the right to search; every refusal of any
// kind spends it. Slow providers earn too little by mail, so time earns as
// well: without that they were never tested again (one per ten minutes).
type budget struct {
	Left   float64 `json:"left"`
	Earned moment  `json:"earned"` // time income counted up to here
}

const (
	budgetAtStart   = 4     // a first search needs two or three
	budgetPerAccept = 0.002 // two refusals per thousand messages
	budgetPerSecond = 1.0 / 600
	budgetMost      = 12
	budgetLeast     = -5 // a storm of refusals must not silence exploration for a day
)

func newBudget(now moment) budget { return budget{Left: budgetAtStart, Earned: now} }

func (b *budget) accepted(n float64) { b.Left = min(budgetMost, b.Left+n*budgetPerAccept) }

func (b *budget) spend(n float64) { b.Left = max(budgetLeast, b.Left-n) }

func (b *budget) pass(now moment) {
	if dt := now.since(b.Earned); dt > 0 {
		b.Left = min(budgetMost, b.Left+dt*budgetPerSecond)
	}
	b.Earned = now
}

// atLeast tops the budget up where a look is worth more than its refusals.
func (b *budget) atLeast(n float64) { b.Left = max(b.Left, n) }

// allows says whether n more refusals may be provoked.
func (b budget) allows(n float64) bool { return b.Left >= n }

// mayProvoke says whether n more refusals may be provoked.
func (s *State) mayProvoke(n float64) bool { return s.Budget.allows(n) || !s.has(Budget) }
