package address

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headwaymail/headway/listhygiene/corpustest"
)

// sandbox is the policy for corpora, which speak of grammar and use reserved
// names freely.
var sandbox = Policy{AllowReserved: true}

// refusedByPolicy are the codes of forms that some RFC allows and Headway
// refuses on purpose.
var refusedByPolicy = map[Code]bool{
	CommentRefused: true, DomainLiteralRefused: true, SourceRouteRefused: true, NameForm: true,
	SpaceInside: true, DomainNoDot: true, DomainReserved: true,
}

// codeOf returns the code of a refusal, or "" for an accepted address.
func codeOf(err error) Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// refusal returns the code with which the sandbox refuses raw, or "".
func refusal(raw string) Code {
	_, err := sandbox.Parse(raw)
	return codeOf(err)
}

// table counts outcomes by group, to be printed with -v.
type table struct {
	name string
	rows map[string]*[3]int // accepted, refused, refused by policy
}

func (tb *table) count(group string, code Code) {
	if tb.rows == nil {
		tb.rows = map[string]*[3]int{}
	}
	if tb.rows[group] == nil {
		tb.rows[group] = new([3]int)
	}
	switch {
	case code == "":
		tb.rows[group][0]++
	case refusedByPolicy[code]:
		tb.rows[group][2]++
	default:
		tb.rows[group][1]++
	}
}

func (tb *table) log(t *testing.T) {
	t.Helper()
	t.Logf("%-48s %8s %8s %8s", tb.name, "accepted", "refused", "policy")
	for group, n := range tb.rows {
		t.Logf("%-48s %8d %8d %8d", group, n[0], n[1], n[2])
	}
}

func TestCorpusIsemail(t *testing.T) {
	t.Parallel()
	type isemail struct{ ID, Address, Category, Diagnosis string }
	out := table{name: "isemail v3"}
	for _, c := range corpustest.JSONLines[isemail](t, "isemail/v3.jsonl") {
		code := refusal(c.Address)
		out.count(c.Category, code)
		switch c.Category {
		case "ISEMAIL_ERR":
			if code == "" {
				t.Errorf("%s %q (%s) was accepted", c.ID, c.Address, c.Diagnosis)
			}
		case "ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN":
			if code != "" {
				t.Errorf("%s %q (%s) was refused: %s", c.ID, c.Address, c.Diagnosis, code)
			}
		}
	}
	out.log(t)
}

func TestCorpusJmail(t *testing.T) {
	t.Parallel()
	type jmail struct{ Raw string }
	out := table{name: "jmail"}
	for _, c := range corpustest.JSONLines[jmail](t, "jmail/valid.jsonl") {
		raw := jmailAddress(c.Raw)
		code := refusal(Tidy(raw).Text)
		out.count("valid", code)
		if code != "" && !refusedByPolicy[code] {
			t.Logf("valid   %q was refused: %s", raw, code)
		}
	}
	for _, c := range corpustest.JSONLines[jmail](t, "jmail/invalid.jsonl") {
		raw, _, _ := strings.Cut(c.Raw, ";  ")
		raw = strings.TrimSuffix(strings.ReplaceAll(raw, "&#10;", "\n"), " ")
		raw = strings.TrimSuffix(raw, " ")
		code := refusal(raw)
		out.count("invalid", code)
		if code == "" {
			t.Errorf("invalid %q was accepted", raw)
		}
	}
	out.log(t)
}

// jmailAddress takes the address out of "address,local,domain,description".
func jmailAddress(line string) string {
	parts := strings.Split(line, ",")
	for n := 1; n < len(parts); n++ {
		raw := strings.Join(parts[:n], ",")
		rest := strings.Join(parts[n:], ",")
		if at := strings.LastIndexByte(raw, '@'); at > 0 {
			if strings.HasPrefix(rest, raw[:at]+","+raw[at+1:]) {
				return raw
			}
		}
	}
	return parts[0]
}

func TestCorpusPythonEmailValidator(t *testing.T) {
	t.Parallel()
	type validator struct {
		Test    string
		Address json.RawMessage
		Expect  struct {
			Normalized, ASCIIDomain string
			ASCIIEmail              string `json:"ascii_email"`
			SMTPUTF8                bool
		}
	}
	out := table{name: "python-email-validator"}
	for _, c := range corpustest.JSONLines[validator](t, "python-email-validator/cases.jsonl") {
		raw, diagnosis := validatorAddress(t, c.Address)
		text := raw
		if strings.HasPrefix(c.Test, "test_email_valid") {
			text = Tidy(raw).Text
		}
		a, err := sandbox.Parse(text)
		out.count(c.Test, codeOf(err))
		switch {
		case strings.HasPrefix(c.Test, "test_email_valid"):
			if err != nil {
				t.Errorf("%s: %q was refused: %v", c.Test, raw, err)
			} else if want := c.Expect.Normalized; want != "" && a.Normal() != want {
				t.Errorf("%s: %q has the normal form %q, want %q", c.Test, raw, a.Normal(), want)
			}
			if err == nil && c.Expect.Normalized != "" && a.UTF8 != c.Expect.SMTPUTF8 {
				t.Errorf("%s: %q UTF8 = %v", c.Test, raw, a.UTF8)
			}
		case strings.HasPrefix(c.Test, "test_email_invalid_syntax"), strings.HasPrefix(diagnosis, "ISEMAIL_ERR"):
			if err == nil {
				t.Errorf("%s: %q was accepted", c.Test, raw)
			}
		case c.Test == "test_email_invalid_reserved_domain":
			if _, err := Parse(raw); codeOf(err) != DomainReserved {
				t.Errorf("%s: %q: %v, want %s", c.Test, raw, err, DomainReserved)
			}
		case c.Test == "test_email_unsafe_character":
			for _, raw := range []string{raw + "@example.org", "te" + raw + "st@example.org", "test@" + raw} {
				if refusal(raw) == "" {
					t.Errorf("%s: %q was accepted", c.Test, raw)
				}
			}
		}
	}
	out.log(t)
}

// validatorAddress decodes a case that is "address" or ["address", diagnosis].
func validatorAddress(t *testing.T, raw json.RawMessage) (address, diagnosis string) {
	t.Helper()
	if json.Unmarshal(raw, &address) == nil {
		return address, ""
	}
	var pair [2]string
	if err := json.Unmarshal(raw, &pair); err != nil {
		t.Fatal(err)
	}
	return pair[0], pair[1]
}

func TestCorpusUniversalAcceptance(t *testing.T) {
	t.Parallel()
	type acceptance struct {
		Test, What, Input string
		Valid             bool
	}
	out := table{name: "ua-eai"}
	right, domains := 0, 0
	for _, c := range corpustest.JSONLines[acceptance](t, "ua-eai/cases.jsonl") {
		if strings.HasPrefix(c.Test, "test_hes") {
			_, err := sandbox.Parse(c.Input)
			out.count("addresses, valid "+yesNo(c.Valid), codeOf(err))
			if (err == nil) != c.Valid {
				t.Errorf("%s: %q: %v, want valid = %v", c.Test, c.Input, err, c.Valid)
			}
			continue
		}
		domains++
		_, err := sandbox.ParseDomain(c.Input)
		out.count("domains, valid "+yesNo(c.Valid), codeOf(err))
		if (err == nil) == c.Valid {
			right++
		} else {
			t.Logf("%s (%s): %q: %v, want valid = %v", c.Test, c.What, c.Input, err, c.Valid)
		}
	}
	out.log(t)
	t.Logf("domains right: %d of %d", right, domains)
	if right*66 < domains*64 {
		t.Errorf("%d of %d domains right, want at least 64 of 66", right, domains)
	}
}

func TestCorpusFlankerSyntax(t *testing.T) {
	t.Parallel()
	out := table{name: "flanker"}
	for _, raw := range corpustest.Lines(t, "flanker/mailbox_valid.txt") {
		code := refusal(Tidy(raw).Text)
		out.count("valid", code)
		if code != "" && !refusedByPolicy[code] {
			t.Logf("valid   %q was refused: %s", raw, code)
		}
	}
	for _, raw := range corpustest.Lines(t, "flanker/mailbox_invalid.txt") {
		code := refusal(strings.TrimSpace(raw))
		out.count("invalid", code)
		if code == "" {
			t.Logf("invalid %q was accepted", raw)
		}
	}
	out.log(t)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
