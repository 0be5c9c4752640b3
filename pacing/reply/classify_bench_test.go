package reply

import "testing"

// BenchmarkClassify classifies the examples of all rules, one after the other:
// a mixture far harder than a real stream, in which most replies are decided by
// a few rules.
func BenchmarkClassify(b *testing.B) {
	type item struct {
		provider string
		reply    Reply
	}
	var items []item
	for _, r := range Default().All() {
		for _, example := range r.Examples {
			provider := ""
			if len(r.Providers) > 0 {
				provider = r.Providers[0]
			}
			items = append(items, item{provider, exampleReply(r, example)})
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		it := items[i%len(items)]
		Classify(it.provider, it.reply)
		i++
	}
}

// BenchmarkClassifyThrottle classifies the reply that a throttled campaign sees
// most.
func BenchmarkClassifyThrottle(b *testing.B) {
	r := Parse(PhaseMail, "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.example/error-codes")
	Default()
	b.ReportAllocs()
	for b.Loop() {
		Classify("yahoo", r)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := loadBuiltin(); err != nil {
			b.Fatal(err)
		}
	}
}
