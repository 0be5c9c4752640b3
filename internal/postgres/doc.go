// Package postgres holds every SQL statement of the product, one file per
// aggregate, in the order of a newsletter's journey:
//
//	migrate.go       the schema, ours and River's
//	imports.go       uploaded files, and their rows staged
//	merge.go         staged rows become contacts
//	contacts.go      contacts, lists, members
//	suppressions.go  who must not be mailed
//	domains.go       domains and the providers that run them
//	unmailable.go    … and what a domain without a mail host is to its mail
//	campaigns.go     campaigns and their states
//	launch.go        the ledger of a campaign, and what fills it
//	launching.go     … range by range, several at a time
//	claims.go        a lane takes its next deliveries
//	outcomes.go      what came of them, committed in groups
//	endings.go       what ends without an attempt: cancelled, expired, finished
//	counters.go      the figures that pages read
//	nodes.go         who is alive, and what the dead give back
//	paces.go         how fast each provider is mailed, and why
//	exchange.go      … as the nodes agree on it, round by round
//	campaign_holds.go  campaigns that one provider takes for spam
//	providers.go     what an operator asks about one of them
//	audit.go         what people changed by hand
//	apitokens.go     keys of the API, and its calls that must not happen twice
//	preferences.go   which lists a reader wants
//	campaign_links.go  where counted links lead
//	engagements.go   what readers did with their messages
//	reports.go       questions that people ask afterwards
//	check.go         the ledger recounted
//
// Statements are constants named sql…, lower case, and a test prepares them all
// against the migrated schema. Times come from the caller. Nothing here decides:
// rules live in campaign, pacing and listhygiene.
package postgres
