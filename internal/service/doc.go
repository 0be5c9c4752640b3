// Package service is what people can do with Headway, whichever door they come
// in by: the pages, the API and the command line call the same methods.
//
// A newsletter's journey through it: [Service.Upload] a file,
// [Service.GenerateDKIM] a key, [Service.CreateCampaign], [Service.SendTest],
// [Service.Launch] or [Service.Schedule], then [Service.Pause],
// [Service.Resume] or [Service.Cancel], and [Service.Report].
//
// The pacer decides how fast a provider is mailed; an operator overrules it:
// [Service.Provider] says how it stands, [Service.Preview] what a decision would
// lead to, and [Service.Overrule] carries it out. Programs come with a token of
// [Service.CreateAPIToken]. What people change is recorded with their name.
//
// Methods check what they are given and answer with errors that say what was
// wrong and what to do. Rules are in the domain packages, SQL is in
// internal/postgres, and the work itself is done by jobs and lanes.
package service
