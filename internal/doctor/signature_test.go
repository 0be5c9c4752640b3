package doctor_test

import (
	"strings"
	"testing"

	"github.com/headwaymail/headway/internal/doctor"
)

// A message without a signature, and one whose signature nobody can check, are
// not passed off as good.
func TestSignatures(t *testing.T) {
	t.Parallel()
	resolver := internet(t)
	plain := "From: ann@mill.test\r\nSubject: Apples\r\n\r\nApples.\r\n"
	if got := doctor.Signatures(t.Context(), resolver, []byte(plain)); got != "the message carries no signature" {
		t.Error(got)
	}
	signed := "DKIM-Signature: v=1; a=rsa-sha256; d=mill.test; s=gone; c=relaxed/relaxed; h=From:Subject;\r\n bh=AAAA; b=AAAA\r\n" + plain
	if got := doctor.Signatures(t.Context(), resolver, []byte(signed)); !strings.HasPrefix(got, "fail for mill.test: ") {
		t.Error(got)
	}
}
