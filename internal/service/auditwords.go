package service

import "strings"

// auditVerbs say what was done, before the name of what it was done to.
var auditVerbs = map[string]string{
	"campaign.audience": "chose the readers of", "campaign.cancel": "cancelled", "campaign.clone": "copied",
	"campaign.create": "began", "campaign.delete": "deleted", "campaign.edit": "edited",
	"campaign.finish": "ended", "campaign.launch": "launched", "campaign.pause": "paused", "campaign.repeat": "let repeat",
	"campaign.resume": "resumed", "campaign.retry": "sent again what had failed of", "campaign.schedule": "scheduled",
	"campaign.series-end": "ended the series of", "campaign.series-resume": "let the series go on of",
	"campaign.unschedule": "took the schedule from", "campaign.window": "changed the hours of",
	"erase":        "erased",
	"image.delete": "deleted", "image.describe": "described", "image.upload": "uploaded",
	"provider.cap": "capped", "provider.hold": "held", "provider.release": "released", "provider.reset": "reset what was learned of",
	"dkim.create": "made a signing key for", "setup.dismiss": "put away the reminder of",
	"queue.retry":     "made due at once",
	"template.delete": "deleted", "template.save": "saved",
	"token.create": "made", "token.revoke": "revoked",
	"user.disable": "locked out", "user.enable": "let in again", "user.first": "made the first account,",
	"user.invite": "invited", "user.password": "set a password for", "user.reset": "let a password be set for",
	"user.role": "changed what may be done by",
}

// AuditVerb says what somebody did, to be read between their name and what it was
// done to. An action that has no words yet is shown as it is kept.
func AuditVerb(action string) string {
	verb, known := auditVerbs[action]
	if !known {
		verb = strings.ReplaceAll(action, ".", ": ") + ","
	}
	return verb
}
