package postgres

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// sqlJudgedOneByOne judges as a launch does, but asks [sqlBarred] for every
// contact, as a claim does.
const sqlJudgedOneByOne = `
with members as materialized (
    select m.contact_id, bool_or(m.status = 'subscribed') as subscribed, bool_or(m.status = 'unconfirmed') as unconfirmed,
           bool_or(l.send_risky) as send_risky,
           bool_or(m.import_id is null or l.trust_unproven
                   or (m.consent is not null or i.consent <> '') and i.stopped_at is null) as trusted,
           bool_or(i.stopped_at is not null) as stopped, min(src.number) as source
      from (
        select m.* from campaign_lists cl join list_members m on m.list_id = cl.list_id
         where cl.campaign_id = $2 and not cl.exclude and m.contact_id > $3 and m.contact_id <= $4 and m.since <= $5
        union all
        select m.* from list_members m where m.contact_id = any($6::bigint[]) and m.since <= $5
      ) m
      join lists l on l.id = m.list_id
      left join imports i on i.id = m.import_id
      left join probation_sources src on src.campaign_id = $2 and src.import_id = m.import_id
     group by m.contact_id
)
select c.id, coalesce(case when dom.mail_host in ('mx', 'implicit') and dom.expires_at > $1 then dom.provider_id end, 0),
       case
           when exists (select from campaign_lists cl join list_members m on m.list_id = cl.list_id
                         where cl.campaign_id = $2 and cl.exclude and m.contact_id = c.id)
                or c.id = any($7::bigint[]) then 'excluded'
           when not members.subscribed and members.unconfirmed then 'unconfirmed'
           when barred.reason is not null then case barred.reason
               when 'unsubscribed' then 'unsubscribed' when 'unconfirmed' then 'unconfirmed' else 'suppressed' end
           when c.verdict = 'undeliverable' then 'undeliverable'
           when c.verdict = 'risky' and not members.send_risky then 'held'
           when trial.needed and members.stopped then 'stopped'
           else 'will_receive'
       end,
       coalesce(c.reasons[1], ''), case when trial.needed and not members.stopped then coalesce(-members.source, 0) else 0 end
  from members
  join contacts c on c.id = members.contact_id
  join domains dom on dom.id = c.domain_id
  join campaigns camp on camp.id = $2
 cross join lateral (select c.verdict in ('unproven', 'unknown') and not members.trusted as needed) trial` + sqlBarred + `
 order by c.id`

const sqlJudgedTogether = sqlJudgedMembers + ` select id, coalesce(provider_id, 0), fate, why, slice from judged order by id`

// verdictOf is what became of one contact.
type verdictOf struct {
	Contact, Provider int64
	Fate, Why         string
	Slice             int16
}

// A range that is judged as a whole comes to what comes of each of its contacts
// alone, whatever speaks for and against them.
func TestJudgedTogetherAsOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	met := make(map[string]int)
	for seed := range uint64(2) {
		w.empty()
		for _, id := range (&quarrel{w, rand.New(rand.NewPCG(seed, 1))}).campaigns(400) {
			for after, size := int64(0), int64(1); after < 400; after, size = after+size, 3*size {
				together, alone := w.judgements(id, after, after+size)
				if diff := cmp.Diff(alone, together); diff != "" {
					t.Errorf("seed %d, campaign %d, contacts %d to %d (- alone, + together):\n%s", seed, id, after, after+size, diff)
				}
				for _, v := range alone {
					met[v.Fate]++
				}
			}
		}
	}
	for _, fate := range []string{"excluded", "unconfirmed", "unsubscribed", "suppressed", "undeliverable", "held", "stopped", "will_receive"} {
		if met[fate] < 5 {
			t.Errorf("only %d contacts were %s", met[fate], fate)
		}
	}
}

// judgements returns what becomes of a range of contacts, judged as a whole and
// one by one.
func (w *world) judgements(id, after, upto int64) (together, alone []verdictOf) {
	w.t.Helper()
	ctx := context.Background()
	w.must(w.InTx(ctx, func(tx pgx.Tx) error {
		c, err := chooseRange(ctx, tx, id, after, upto, w.now, w.now)
		if err != nil {
			return err
		}
		together = []verdictOf{}
		var v verdictOf
		collect := func() error { together = append(together, v); return nil }
		if err := eachJudged(ctx, tx, sqlJudgedTogether, c.args(), []any{&v.Contact, &v.Provider, &v.Fate, &v.Why, &v.Slice}, collect); err != nil {
			return err
		}
		include, exclude, err := chosenBySegment(ctx, tx, id, after, upto, w.now)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlJudgedOneByOne, w.now, id, after, upto, w.now, include, exclude)
		if err != nil {
			return err
		}
		alone, err = pgx.CollectRows(rows, pgx.RowToStructByPos[verdictOf])
		return err
	}))
	return together, alone
}
