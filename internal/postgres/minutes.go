package postgres

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaymail/headway/campaign"
)

const (
	sqlMinutes = `
insert into provider_minutes as m
       (provider_id, minute, attempts, accepted, accepted_first, deferred, throttled, bounced, tls, took_ms, bad_mailboxes)
select * from unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
on conflict (provider_id, minute) do update
   set attempts = m.attempts + excluded.attempts, accepted = m.accepted + excluded.accepted,
       accepted_first = m.accepted_first + excluded.accepted_first, deferred = m.deferred + excluded.deferred,
       throttled = m.throttled + excluded.throttled, bounced = m.bounced + excluded.bounced,
       tls = m.tls + excluded.tls, took_ms = m.took_ms + excluded.took_ms,
       bad_mailboxes = m.bad_mailboxes + excluded.bad_mailboxes`
)

// minute is one row of provider_minutes.
type minute struct {
	attempts, accepted, first, deferred, throttled, bounced, tls, took, bad int64
}

type minuteKey struct {
	provider int64
	minute   int64 // Unix time
}

// queueMinutes adds to a batch what becomes of the minutes of each provider.
func queueMinutes(batch *pgx.Batch, tallies []tally) {
	sums := make(map[minuteKey]minute)
	for _, t := range tallies {
		if t.provider == 0 {
			continue
		}
		key := minuteKey{t.provider, t.minute.Unix()}
		m := sums[key]
		m.attempts++
		switch t.to {
		case campaign.Delivered:
			m.accepted++
			m.took += int64(t.tookMS)
			if t.first {
				m.first++
			}
			if t.tls {
				m.tls++
			}
		case campaign.Bounced:
			m.bounced++
			if t.badMailbox {
				m.bad++
			}
		default:
			m.deferred++
			if t.throttled {
				m.throttled++
			}
		}
		sums[key] = m
	}
	if len(sums) == 0 {
		return
	}
	keys := make([]minuteKey, 0, len(sums))
	for key := range sums {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b minuteKey) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.minute, b.minute))
	})
	providers, minutes := make([]int64, len(keys)), make([]time.Time, len(keys))
	cols := make([][]int64, 9)
	for i, key := range keys {
		m := sums[key]
		providers[i], minutes[i] = key.provider, time.Unix(key.minute, 0)
		for j, v := range [...]int64{m.attempts, m.accepted, m.first, m.deferred, m.throttled, m.bounced, m.tls, m.took, m.bad} {
			cols[j] = append(cols[j], v)
		}
	}
	batch.Queue(sqlMinutes, providers, minutes, cols[0], cols[1], cols[2], cols[3], cols[4], cols[5], cols[6], cols[7], cols[8])
}
