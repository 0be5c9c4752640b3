package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/listhygiene/bounce"
	"github.com/headwaymail/headway/pacing/reply"
)

// Deliveries to domains that cannot be mailed now, to be judged one by one, and
// what the last attempt of each came to. Index: mail_queue_due.
const sqlUnmailable = `
with batch as materialized (
    select q.ctid as place, q.ledger_id, q.delivery_id
      from mail_queue q join campaigns camp on camp.id = q.campaign_id
     where camp.state = 'sending' and (camp.id = $5 or $5 = 0) and q.provider_id = $4 and q.due_at <= $2 and q.domain_id = any($1)
     limit $3
       for update of q skip locked
), taken as (
    delete from mail_queue where ctid = any(array(select place from batch))
)
select d.ledger_id, d.id, d.campaign_id, d.contact_id, d.domain_id, coalesce(d.provider_id, 0), d.state::text,
       d.attempts, d.first_attempt_at, false, d.doubted, coalesce(d.reply, '')
  from batch
  join deliveries d on d.ledger_id = batch.ledger_id and d.id = batch.delivery_id and d.state in ('queued', 'deferred')
 order by d.ledger_id, d.id`

const (
	// looksBeforeBounce is how many looks at a domain must find no mail host
	// before its mail bounces: DNS breaks, and is mended.
	looksBeforeBounce = 3
	// mostJudged bounds the deliveries that one transaction judges: a domain may
	// have a million readers.
	mostJudged = 5000
)

// Unmailable is a due delivery to a domain that cannot be mailed now.
type Unmailable struct {
	Held
	Said string // by its last attempt
}

// Silence is a look at a domain that found nobody who takes its mail.
type Silence struct {
	Found  MailHost
	Looks  int     // that found no mail host, this one among them; 0: as many as the delivery's attempts
	Spread float64 // of the waits, in [0, 1): one for all mail of the domain, which is looked at once a try
}

// Judgement is a question for the due deliveries to silent domains.
type Judgement struct {
	Node     int64
	Provider int64 // 0: those of nobody knows whom
	Campaign int64 // 0: all
	Silent   map[int64]Silence
	Terms    func(campaignID int64) campaign.Settings
	At       time.Time
}

// JudgeUnmailable turns the due deliveries of silent domains into outcomes: a look
// counts as an attempt of each. It returns their number.
func (s *Store) JudgeUnmailable(ctx context.Context, j Judgement) (int, error) {
	domains := make([]int64, 0, len(j.Silent))
	for domain := range j.Silent {
		domains = append(domains, domain)
	}
	judged := 0
	for len(domains) > 0 {
		n, err := s.judgeBatch(ctx, j, domains)
		if err != nil {
			return judged, fmt.Errorf("judge deliveries of %d domains: %w", len(domains), err)
		}
		if judged += n; n < mostJudged {
			break
		}
	}
	return judged, nil
}

func (s *Store) judgeBatch(ctx context.Context, j Judgement, domains []int64) (judged int, err error) {
	err = s.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlUnmailable, domains, j.At, mostJudged, j.Provider, j.Campaign)
		if err != nil {
			return err
		}
		waiting, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Unmailable])
		if err != nil || len(waiting) == 0 {
			return err
		}
		outcomes := make([]Outcome, len(waiting))
		for i, d := range waiting {
			outcomes[i] = j.outcome(d)
		}
		judged = len(waiting)
		_, err = recordIn(ctx, tx, outcomes)
		return err
	})
	return judged, err
}

// outcome is what a look at its domain is to a delivery.
func (j Judgement) outcome(d Unmailable) Outcome {
	of := j.Silent[d.Domain]
	o := Outcome{Ledger: d.Ledger, Delivery: d.Delivery, Campaign: d.Campaign, Contact: d.Contact, Domain: d.Domain,
		Provider: d.Provider, Node: j.Node, From: campaign.DeliveryState(d.State), Number: d.Attempts + 1, First: j.At, At: j.At}
	o.Reply, o.Meaning = of.Found.Reply()
	if d.FirstAttempt != nil {
		o.First = *d.FirstAttempt
	}
	looks := o.Number
	if of.Looks > 0 {
		looks = min(looks, of.Looks)
	}
	if of.Found != MailHostTemporary && looks >= looksBeforeBounce {
		o.Meaning.Temporary = false
	}
	decision := j.Terms(d.Campaign).Decide(campaign.Attempt{Number: o.Number, First: o.First, Doubted: d.Doubted, Meaning: o.Meaning}, j.At, of.Spread)
	o.To, o.Due = decision.State, decision.Due
	o.Told = d.Attempts > 0 && d.Said == o.Reply.String()
	if of.Found == MailHostNull && o.To == campaign.Bounced {
		o.Address = bounce.DomainGone()
	}
	return o
}

// Reply puts what a look found into the words of a reply, so that a delivery
// whose domain cannot be mailed is explained like any other.
func (m MailHost) Reply() (reply.Reply, reply.Meaning) {
	meaning := reply.Meaning{Class: reply.ClassDNS, Bounce: reply.BounceBadDomain, Scope: reply.ScopeRecipientDomain,
		Rule: "dns_" + string(m), Temporary: m != MailHostNull}
	words := map[MailHost]string{
		MailHostNull:      "the domain says that it takes no mail (null MX)",
		MailHostNoDomain:  "the domain does not exist (NXDOMAIN)",
		MailHostNone:      "the domain has no mail host",
		MailHostTemporary: "DNS gave no answer for the domain",
	}[m]
	if m == MailHostTemporary {
		meaning.Bounce = reply.BounceNetwork
	}
	return reply.Reply{Phase: reply.PhaseConnect, Lines: []string{words}}, meaning
}
