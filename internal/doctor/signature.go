package doctor

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// mostSignatures bounds the questions that a message can cause.
const mostSignatures = 5

// Signatures says of each DKIM signature of a message whether a receiver can
// verify it now, with the keys as they stand in the DNS (RFC 6376 §6):
// "pass for example.com", "fail for example.com: " and why.
func Signatures(ctx context.Context, resolver Resolver, message []byte) string {
	found, err := dkim.VerifyWithOptions(bytes.NewReader(message), &dkim.VerifyOptions{MaxVerifications: mostSignatures,
		LookupTXT: func(name string) ([]string, error) {
			answer, err := resolver.TXT(ctx, name)
			return answer.Records, err
		}})
	if err != nil {
		return "could not be verified: " + err.Error()
	}
	if len(found) == 0 {
		return "the message carries no signature"
	}
	words := make([]string, len(found))
	for i, v := range found {
		if words[i] = "pass for " + v.Domain; v.Err != nil {
			words[i] = fmt.Sprintf("fail for %s: %v", v.Domain, v.Err)
		}
	}
	return strings.Join(words, "; ")
}
