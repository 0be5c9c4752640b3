// Package jobs ties River, the Postgres-backed job queue, to the packages that
// do the work. Workers here are thin: they call and return.
//
//	import   a file becomes contacts             (import.go)
//	launch   a campaign gets its ledger filled    (launch.go, filling.go)
//	resolve  domains get their providers          (resolve.go)
//	verify   contacts get their verdicts          (verify.go, verify_domains.go)
//	reverify finds what is to be verified again   (reverify.go)
//	lane     a provider's due mail is sent        (lane.go)
//
// Lanes have a queue of their own, so that mail never waits behind bulk work.
// Jobs are inserted in the transaction of the state change that calls for them.
// River keeps no truth here: the ledger does.
package jobs
