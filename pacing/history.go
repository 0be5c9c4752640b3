package pacing

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// history remembers how many messages were accepted when: by the second for
// the last minute, and the coarser the longer ago, back to a day.
//
// Windows and penalty boxes are recognised by what was accepted before a
// block, so the past must be countable over any interval. All buckets lie on
// clock boundaries: counts of clock windows are exact.
type history struct {
	seconds level // 1 s, the last minute
	tens    level // 10 s, the last 20 minutes
	minutes level // 60 s, the last 2 hours
	coarse  level // 10 min, the last 25 hours
}

// levelBuckets is the room of one level; each level uses the part it needs.
const levelBuckets = 150

// level is a ring of counts over equal buckets that end at the newest.
type level struct {
	newest int64 // number of the newest bucket: its start divided by the width
	counts [levelBuckets]uint32
}

var levelShapes = [...]struct {
	width   float64
	buckets int64
}{{1, 62}, {10, 122}, {60, 122}, {600, 150}}

func (h *history) levels() [4]*level {
	return [4]*level{&h.seconds, &h.tens, &h.minutes, &h.coarse}
}

// add counts n acceptances at a moment. What is older than a level's reach is
// not counted there.
func (h *history) add(at moment, n float64) {
	for i, l := range h.levels() {
		l.add(int64(math.Floor(float64(at)/levelShapes[i].width)), levelShapes[i].buckets, uint32(n))
	}
}

func (l *level) add(bucket, buckets int64, n uint32) {
	if bucket > l.newest {
		for b := max(l.newest+1, bucket-buckets+1); b <= bucket; b++ {
			l.counts[b%buckets] = 0
		}
		l.newest = bucket
	}
	if bucket > l.newest-buckets {
		l.counts[bucket%buckets] += n
	}
}

// between returns how many were accepted from one moment to another, counted
// in the finest buckets that reach back far enough. Buckets cut by an end
// count in proportion.
func (h *history) between(from, to moment) float64 {
	if to <= from {
		return 0
	}
	for i, l := range h.levels() {
		shape := levelShapes[i]
		oldest := float64(l.newest-shape.buckets+1) * shape.width
		if float64(from) >= oldest || i == len(levelShapes)-1 {
			return l.between(float64(from), float64(to), shape.width, shape.buckets)
		}
	}
	return 0
}

func (l *level) between(from, to, width float64, buckets int64) float64 {
	first := max(int64(math.Floor(from/width)), l.newest-buckets+1)
	last := min(int64(math.Floor(to/width)), l.newest)
	total := 0.0
	for b := first; b <= last; b++ {
		start := float64(b) * width
		part := (math.Min(to, start+width) - math.Max(from, start)) / width
		total += float64(l.counts[b%buckets]) * clamp(part, 0, 1)
	}
	return total
}

// MarshalJSON packs the counts as variable-length integers, newest first, in
// base64: a busy day takes about a kilobyte.
func (h history) MarshalJSON() ([]byte, error) {
	var packed []byte
	for i, l := range h.levels() {
		buckets := levelShapes[i].buckets
		used := int64(0)
		for k := range buckets {
			if l.newest-k >= 0 && l.counts[(l.newest-k)%buckets] > 0 {
				used = k + 1
			}
		}
		packed = binary.AppendVarint(packed, l.newest)
		packed = binary.AppendVarint(packed, used)
		for k := range used {
			packed = binary.AppendUvarint(packed, uint64(l.counts[(l.newest-k)%buckets]))
		}
	}
	return json.Marshal(base64.RawStdEncoding.EncodeToString(packed))
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (h *history) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("pacing history: %w", err)
	}
	packed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("pacing history: %w", err)
	}
	*h = history{}
	for i, l := range h.levels() {
		if packed, err = l.unpack(packed, levelShapes[i].buckets); err != nil {
			return err
		}
	}
	return nil
}

func (l *level) unpack(packed []byte, buckets int64) ([]byte, error) {
	newest, n := binary.Varint(packed)
	if n <= 0 || newest < 0 {
		return nil, fmt.Errorf("pacing history: damaged")
	}
	packed = packed[n:]
	used, n := binary.Varint(packed)
	if n <= 0 || used < 0 || used > buckets || used > newest+1 {
		return nil, fmt.Errorf("pacing history: damaged")
	}
	packed = packed[n:]
	l.newest = newest
	for k := range used {
		count, n := binary.Uvarint(packed)
		if n <= 0 || count > math.MaxUint32 {
			return nil, fmt.Errorf("pacing history: damaged")
		}
		packed = packed[n:]
		l.counts[(newest-k)%buckets] = uint32(count)
	}
	return packed, nil
}

// best returns the most that were accepted in any clock window of a width
// that began before a moment, as far back as buckets of that fineness reach.
func (h *history) best(width float64, before moment) float64 {
	most := 0.0
	start := float64(before) - width
	for i, l := range h.levels() {
		shape := levelShapes[i]
		if shape.width > width || float64(l.newest-shape.buckets+1)*shape.width > start-3*width {
			if i < len(levelShapes)-1 {
				continue
			}
		}
		oldest := float64(l.newest-shape.buckets+1) * shape.width
		for s := start; s >= oldest-width && s > 0; s -= width {
			most = math.Max(most, l.between(s, s+width, shape.width, shape.buckets))
		}
		return most
	}
	return most
}
