package sandbox

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
)

// Many clients at once, limits, closings and record included: what the clients
// were told is what the sandbox counted.
func TestWhatClientsWereToldIsWhatWasCounted(t *testing.T) {
	t.Parallel()
	s := run(t, one(plain, "hosts: {count: 2}", "lanes: [{max: 6}]", "session: {messages: 7}",
		"limits: [{bucket: {rate: 200/s, burst: 40}, answer: {code: 451}}]", "mailboxes: {unknown: 10%}"),
		Options{RecordFile: t.TempDir() + "/record.jsonl"})
	begun := time.Now()
	told := map[int]int{}
	connections := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for visit := range 6 {
				c, err := gosmtp.Dial(hostAddress(s, (worker+visit)%2))
				if err == nil {
					err = c.Hello("me.test")
				}
				mu.Lock()
				connections++
				mu.Unlock()
				for n := 0; err == nil || code(err)/100 == 5 || code(err) == 451; n++ {
					to := fmt.Sprintf("w%dv%dn%d@northmail.test", worker, visit, n)
					err = c.SendMail("a@sender.test", []string{to}, strings.NewReader("Subject: x\r\n\r\nx\r\n"))
					mu.Lock()
					told[code(err)]++
					mu.Unlock()
				}
				if c != nil {
					_ = c.Close()
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begun).Seconds()
	counts := s.Counts()["Northmail"]
	if counts.Accepted != told[250] || len(s.Received()) != told[250] || told[250] == 0 {
		t.Errorf("told 250 %d times, counted %d, recorded %d", told[250], counts.Accepted, len(s.Received()))
	}
	if counts.Refused[550] != told[550] || counts.Refused[451] != told[451] {
		t.Errorf("told %v, counted %v", told, counts.Refused)
	}
	if counts.Connections != connections {
		t.Errorf("%d connections made, %d counted", connections, counts.Connections)
	}
	if passed := float64(told[250] + told[550]); passed > 40+200*took+1 {
		t.Errorf("%v commands passed a limit of 200/s within %.2f s", passed, took)
	}
}

// code is the reply code that an error stands for; 250 for none, 0 for a
// connection that ended.
func code(err error) int {
	var refused *gosmtp.SMTPError
	switch {
	case err == nil:
		return 250
	case errors.As(err, &refused):
		return refused.Code
	}
	return 0
}
