package service

import (
	"context"
	"fmt"

	"github.com/headwaymail/headway/internal/postgres"
	"github.com/headwaymail/headway/listhygiene"
)

// ListAction is something that is done with many contacts of a list at once,
// after a look at what it would do.
type ListAction string

// The actions.
const (
	HoldRisky     ListAction = "hold-risky"     // risky contacts are held at launch: the default
	SendRisky     ListAction = "send-risky"     // they are mailed all the same
	MendTypos     ListAction = "mend-typos"     // mistyped addresses give way to those that were probably meant
	RemoveDead    ListAction = "remove-dead"    // contacts of dead domains leave the list
	TrustUnproven ListAction = "trust-unproven" // there is proof of consent: no probation
	TryUnproven   ListAction = "try-unproven"   // unproven contacts go out in probation: the default
)

// ListPreview is what an action would do.
type ListPreview struct {
	List   postgres.ListPolicy
	Action ListAction
	Count  int64
	First  []postgres.Mendable // the first of them; empty for a change of terms
}

// previewLines is how many contacts a preview shows.
const previewLines = 20

// deadReasons are what makes a domain dead.
var deadReasons = []string{string(listhygiene.DomainNXDomain), string(listhygiene.DomainNullMX),
	string(listhygiene.DomainNoMailHost), string(listhygiene.TLDUnknown), string(listhygiene.MXUnroutable)}

// PreviewListAction says what an action would do. Nothing is changed.
func (s *Service) PreviewListAction(ctx context.Context, list int64, action ListAction) (ListPreview, error) {
	p := ListPreview{Action: action}
	v, err := s.ListVerification(ctx, list)
	if err != nil {
		return p, err
	}
	p.List = v.List
	counted := func(verdict listhygiene.Verdict) int64 {
		if v.Newest == nil {
			return 0
		}
		return v.Newest.Counts.Verdicts[string(verdict)]
	}
	switch action {
	case HoldRisky, SendRisky:
		p.Count = counted(listhygiene.Risky)
	case TrustUnproven, TryUnproven:
		p.Count = counted(listhygiene.Unproven) + counted(listhygiene.Unknown)
	case MendTypos:
		if p.Count, err = s.Store.CountMendable(ctx, list); err == nil {
			p.First, err = s.Store.Mendable(ctx, list, 0, previewLines)
		}
	case RemoveDead:
		if p.Count, err = s.Store.CountDead(ctx, list, deadReasons); err == nil {
			p.First, err = s.Store.DeadMembers(ctx, list, 0, previewLines, deadReasons)
		}
	default:
		err = fmt.Errorf("%q is nothing that can be done with a list", action)
	}
	return p, err
}

// DoListAction carries out an action and returns the number of contacts that it
// changed, 0 for a change of terms.
func (s *Service) DoListAction(ctx context.Context, list int64, action ListAction) (int64, error) {
	defer s.figures.actions.forget(actionKey{list, action})
	policy, err := s.Store.ListPolicy(ctx, list)
	if err != nil {
		return 0, err
	}
	switch action {
	case HoldRisky, SendRisky:
		policy.Policy.SendRisky = action == SendRisky
		return 0, s.Store.SetListPolicy(ctx, policy)
	case TrustUnproven, TryUnproven:
		policy.Policy.TrustUnproven = action == TrustUnproven
		return 0, s.Store.SetListPolicy(ctx, policy)
	case MendTypos:
		return s.mend(ctx, list)
	case RemoveDead:
		return s.removeDead(ctx, list)
	}
	return 0, fmt.Errorf("%q is nothing that can be done with a list", action)
}

// VerifyEvery sets how often a list is verified by itself; 0 means never.
func (s *Service) VerifyEvery(ctx context.Context, list int64, days int) error {
	if days < 0 || days > 3650 {
		return fmt.Errorf("%d days is not between 0 (never) and 3650", days)
	}
	policy, err := s.Store.ListPolicy(ctx, list)
	if err != nil {
		return err
	}
	policy.VerifyDays = days
	return s.Store.SetListPolicy(ctx, policy)
}

// mendPage is how many addresses change in one transaction.
const mendPage = 1000

// mend lets contacts join under the addresses that were probably meant, and has
// the list verified again: nothing is known of these yet.
func (s *Service) mend(ctx context.Context, list int64) (int64, error) {
	var mended, after int64
	for {
		page, err := s.Store.Mendable(ctx, list, after, mendPage)
		if err != nil {
			return mended, err
		}
		if len(page) == 0 {
			break
		}
		var (
			old   []int64
			meant []postgres.NewContact
		)
		for _, m := range page {
			after = m.Contact
			a, err := s.policy().Parse(m.Suggestion)
			if err != nil {
				continue // a suggestion that cannot be mailed mends nothing
			}
			old = append(old, m.Contact)
			meant = append(meant, postgres.NewContact{Address: a.String(), AddressKey: a.Key(), CanonicalKey: a.Canonical(), Domain: a.Domain})
		}
		if err := s.Store.Mend(ctx, list, old, meant, now()); err != nil {
			return mended, err
		}
		mended += int64(len(old))
	}
	if mended == 0 {
		return 0, nil
	}
	_, err := s.Verify(ctx, list)
	return mended, err
}

func (s *Service) removeDead(ctx context.Context, list int64) (int64, error) {
	var removed, after int64
	for {
		page, err := s.Store.DeadMembers(ctx, list, after, mendPage, deadReasons)
		if err != nil || len(page) == 0 {
			return removed, err
		}
		ids := make([]int64, len(page))
		for i, m := range page {
			ids[i] = m.Contact
		}
		after = ids[len(ids)-1]
		n, err := s.Store.RemoveDead(ctx, list, ids, deadReasons)
		if err != nil {
			return removed, err
		}
		removed += n
	}
}
