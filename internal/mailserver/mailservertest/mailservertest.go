// Package mailservertest runs other people's mail programs for a test.
//
//  1. A program that was only unpacked is named by a variable of the environment,
//     HEADWAY_TEST_EXIM, HEADWAY_TEST_OPENSMTPD and so on: see
//     [mailserver.Program.Unpacked].
//  2. Where it cannot be run the test is skipped, with the reason.
//  3. It ends with the test. What it said and logged is told when the test failed.
package mailservertest

import (
	"os"
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/mailserver"
)

// Start starts a program for a test.
func Start(t testing.TB, p mailserver.Program, setup mailserver.Setup) *mailserver.Server {
	t.Helper()
	p = p.Unpacked(os.Getenv("HEADWAY_TEST_" + strings.ToUpper(p.Name)))
	if err := p.Ready(); err != nil {
		t.Skip(err)
	}
	s, err := mailserver.Start(t.Context(), p, setup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Said())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
