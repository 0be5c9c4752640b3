package dsn_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/headwaymail/headway/listhygiene/corpustest"
	"github.com/headwaymail/headway/listhygiene/dsn"
)

// Reading and judging, per mail of the corpus.
func BenchmarkReadAndJudge(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(corpustest.Path(b, "sisimai-bounces/emails"), "*.eml"))
	if err != nil {
		b.Fatal(err)
	}
	var mails [][]byte
	size := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		mails = append(mails, raw)
		size += len(raw)
	}
	b.SetBytes(int64(size / len(mails)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dsn.Read(mails[i%len(mails)]).Judge(nil)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
