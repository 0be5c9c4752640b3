package doctor

// Reached says how an attempt to open a session with a mail host ended.
type Reached struct {
	Domain   string // whose mail host was tried
	Host     string // that answered; empty when none did
	Greeting string
	Err      error
	Accepted bool // a message was accepted anywhere in the last day
}

// JudgeReach says whether mail gets out of this machine: many hosting companies
// keep port 25 closed until they are asked.
func JudgeReach(r Reached) Finding {
	f := Finding{ID: "port25", Title: "Port 25 outwards"}
	switch {
	case r.Accepted:
		return f.pass("Open: messages were accepted in the last 24 hours.")
	case r.Host != "":
		f.Found = []string{r.Greeting}
		return f.pass("Open: " + r.Host + " answered.")
	case r.Err == nil:
		f.Verdict, f.Words = Unknown, "Not tried yet."
		f.Fix = "The first account's domain is tried, or the test message below shows it."
		return f
	}
	return f.fail("No mail host of "+r.Domain+" could be reached: "+r.Err.Error()+".",
		"Ask the hosting company to open port 25 outwards, or let a relay take the mail: sending.relays in the settings.")
}
