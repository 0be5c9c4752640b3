package mtasts

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/smtpout"
)

// Mode says what a domain wants done with hosts that break its policy.
type Mode string

// The modes of RFC 8461 §5.
const (
	Enforce Mode = "enforce" // do not deliver
	Testing Mode = "testing" // deliver, and report
	None    Mode = "none"    // the policy is being withdrawn
)

// mostMaxAge is the longest life of a policy in seconds: a year of 365.25 days (RFC 8461 §3.2).
const mostMaxAge = 31557600

// Policy is what a domain published.
type Policy struct {
	ID      string // of the edition: the TXT record that it was fetched under
	Mode    Mode
	Hosts   []string // patterns of mail hosts; empty only in mode none
	Expires time.Time
}

// TLS returns what the policy asks of a session; ok is false when it asks for
// nothing.
func (p Policy) TLS() (policy smtpout.TLSPolicy, ok bool) {
	if p.Mode != Enforce {
		return smtpout.TLSPolicy{}, false
	}
	return smtpout.TLSPolicy{Mode: smtpout.TLSVerified, Hosts: p.Hosts}, true
}

// host is an mx pattern: a name, or "*." and a name.
var host = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$`)

// Parse reads a policy file (RFC 8461 §3.2). Unknown fields are passed over; of
// a field that must stand once, the first counts. Expires is counted from now.
func Parse(text string, now time.Time) (Policy, error) {
	var p Policy
	once := make(map[string]string)
	for n, line := range strings.Split(text, "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found {
			return Policy{}, fmt.Errorf("line %d of the policy has no colon", n+1)
		}
		if name == "mx" {
			value = strings.ToLower(value)
			if len(value) > 255 || !host.MatchString(value) {
				return Policy{}, fmt.Errorf("line %d of the policy: %q is not a mail host", n+1, value)
			}
			p.Hosts = append(p.Hosts, value)
		} else if _, again := once[name]; !again {
			once[name] = value
		}
	}
	if once["version"] != "STSv1" {
		return Policy{}, errors.New("the policy is not of version STSv1")
	}
	p.Mode = Mode(once["mode"])
	if p.Mode != Enforce && p.Mode != Testing && p.Mode != None {
		return Policy{}, fmt.Errorf("the policy's mode %q is not enforce, testing or none", p.Mode)
	}
	age, err := strconv.ParseUint(once["max_age"], 10, 64)
	if err != nil {
		return Policy{}, fmt.Errorf("the policy's max_age %q is not a number of seconds", once["max_age"])
	}
	if len(p.Hosts) == 0 && p.Mode != None {
		return Policy{}, errors.New("the policy names no mail host")
	}
	p.Expires = now.Add(time.Duration(min(age, mostMaxAge)) * time.Second)
	return p, nil
}

// edition returns the id of a TXT record set (RFC 8461 §3.1): exactly one
// record must begin with v=STSv1.
func edition(records []string) (id string, ok bool) {
	for _, record := range records {
		version, rest, _ := strings.Cut(record, ";")
		if strings.TrimSpace(version) != "v=STSv1" {
			continue
		}
		if ok {
			return "", false
		}
		for field := range strings.SplitSeq(rest, ";") {
			if name, value, found := strings.Cut(field, "="); found && strings.TrimSpace(name) == "id" {
				id, ok = strings.TrimSpace(value), true
				break
			}
		}
		if !validID.MatchString(id) {
			return "", false
		}
	}
	return id, ok
}

// validID is 1 to 32 letters and digits.
var validID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
