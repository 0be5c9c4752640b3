package web

import (
	"strconv"
	"strings"

	"github.com/headwaymail/headway/internal/service"
)

// audited is a line of the audit log.
type audited struct {
	Verb    string
	Subject string
	Link    string // to what it was done to; empty where it has no page, or none any more
}

// auditedPages are where the subjects of the audit log that have a number stand.
var auditedPages = map[string]string{"campaign": "/campaigns/", "template": "/templates/"}

func newAudited(action, subject string) audited {
	a := audited{Verb: service.AuditVerb(action), Subject: subject}
	kind, number, _ := strings.Cut(subject, " ")
	if _, err := strconv.ParseInt(number, 10, 64); err != nil || strings.HasSuffix(action, "delete") {
		return a
	}
	if page := auditedPages[kind]; page != "" {
		a.Link = page + number
	}
	return a
}
