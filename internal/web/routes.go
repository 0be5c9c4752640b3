package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headwaymail/headway/campaign/picture"
	"github.com/headwaymail/headway/internal/auth"
)

// handler answers a request, or returns the error that the visitor is to see.
// It returns an error only as long as nothing was written.
type handler func(w http.ResponseWriter, r *http.Request) error

// entrance is a page with what it asks of its visitor.
type entrance struct {
	ability auth.Ability
	do      handler
}

// routes returns the handlers of everything and of what is public.
func (s *Server) routes() (all, public http.Handler) {
	open := http.NewServeMux()
	s.addPublic(open, s.assets.only(publicAssets...))

	team := http.NewServeMux()
	for pattern, e := range s.entrances() {
		team.Handle(pattern, s.asks(e.ability, s.page(e.do, s.teamFault)))
	}
	for pattern, h := range map[string]handler{ // for those who are not logged in
		"GET /login":          s.askLogin,
		"POST /login":         s.login,
		"POST /logout":        s.logout,
		"GET /welcome":        s.askWelcome,
		"POST /welcome":       s.welcome,
		"GET /forgot":         s.askForgot,
		"POST /forgot":        s.forgot,
		"GET /join/{secret}":  s.askJoin,
		"POST /join/{secret}": s.join,
	} {
		team.Handle(pattern, s.page(h, s.publicFault))
	}
	team.Handle("GET /metrics", s.monitor(promhttp.Handler()))

	everything := http.NewServeMux()
	s.addPublic(everything, s.assets)
	everything.HandleFunc("GET /readyz", s.ready)
	if s.api != nil {
		everything.Handle("/api/v1/", s.api)
	}
	everything.Handle("/", s.onlyTeam(s.known(team, s.teamFault)))

	return s.guard(everything), s.guard(s.known(open, s.publicFault))
}

// entrances are the pages of who is logged in, each with what it asks of them.
func (s *Server) entrances() map[string]entrance {
	return map[string]entrance{
		"GET /{$}":                             {auth.Look, s.showDashboard},
		"GET /live":                            {auth.Look, s.dashboardLive},
		"GET /setup":                           {auth.Look, s.showSetup},
		"GET /setup/live":                      {auth.Look, s.setupLive},
		"POST /setup/domain":                   {auth.Manage, s.makeKey},
		"POST /setup/test":                     {auth.Write, s.sendSetupTest},
		"POST /setup/dismiss":                  {auth.Manage, s.dismissSetup},
		"GET /campaigns":                       {auth.Look, s.listCampaigns},
		"GET /campaigns/{id}":                  {auth.Look, s.showCampaign},
		"GET /campaigns/{id}/live":             {auth.Look, s.campaignLive},
		"GET /campaigns/{id}/cancel":           {auth.Write, s.askCancel},
		"GET /campaigns/{id}/retry":            {auth.Write, s.askRetry},
		"POST /campaigns/{id}/{verb}":          {auth.Write, s.changeCampaign},
		"GET /campaigns/{id}/retry/live":       {auth.Write, s.retryLive},
		"GET /campaigns/{id}/report":           {auth.Look, s.showReport},
		"GET /campaigns/{id}/report/live":      {auth.Look, s.reportLive},
		"GET /providers":                       {auth.Look, s.listProviders},
		"GET /providers/live":                  {auth.Look, s.providersLive},
		"GET /providers/{id}":                  {auth.Look, s.showProvider},
		"GET /providers/{id}/live":             {auth.Look, s.providerLive},
		"GET /providers/{id}/{verb}":           {auth.Steer, s.askOverrule},
		"POST /providers/{id}/{verb}":          {auth.Steer, s.overrule},
		"GET /domains":                         {auth.Look, s.showDelivery},
		"GET /domains/live":                    {auth.Look, s.deliveryLive},
		"GET /domains.csv":                     {auth.Look, s.downloadDelivery},
		"GET /domains.json":                    {auth.Look, s.deliveryJSON},
		"GET /queue":                           {auth.Look, s.showQueue},
		"GET /queue/live":                      {auth.Look, s.queueLive},
		"GET /queue/retry":                     {auth.Steer, s.askQueueRetry},
		"POST /queue/retry":                    {auth.Steer, s.retryQueue},
		"GET /events":                          {auth.Look, s.showEvents},
		"GET /events/live":                     {auth.Look, s.eventsLive},
		"GET /imports":                         {auth.Look, s.listImports},
		"GET /imports/live":                    {auth.Look, s.importsLive},
		"GET /imports/{id}":                    {auth.Look, s.showImport},
		"GET /imports/{id}/live":               {auth.Look, s.importLive},
		"GET /imports/{id}/rejected.csv":       {auth.Look, s.downloadRejects},
		"GET /imports/new":                     {auth.Write, s.newImport},
		"POST /imports":                        {auth.Write, s.takeImport},
		"GET /imports/{id}/columns":            {auth.Write, s.showColumns},
		"POST /imports/{id}/columns":           {auth.Write, s.takeColumns},
		"POST /imports/{id}/encoding":          {auth.Write, s.readDraftAs},
		"POST /imports/{id}/confirm":           {auth.Write, s.confirmImport},
		"GET /imports/{id}/undo":               {auth.Write, s.askUndo},
		"GET /imports/{id}/undo/live":          {auth.Write, s.undoLive},
		"POST /imports/{id}/undo":              {auth.Write, s.undoImport},
		"POST /imports/{id}/trust":             {auth.Write, s.trustImport},
		"GET /lists/{id}":                      {auth.Look, s.showList},
		"GET /lists/{id}/live":                 {auth.Look, s.listLive},
		"GET /lists/{id}/verdicts.csv":         {auth.Look, s.downloadVerdicts},
		"GET /lists/{id}/ask/{action}":         {auth.Write, s.askList},
		"GET /lists/{id}/ask/{action}/live":    {auth.Write, s.listAskLive},
		"POST /lists/{id}/{action}":            {auth.Write, s.changeList},
		"GET /lists":                           {auth.Look, s.listLists},
		"GET /lists/live":                      {auth.Look, s.listsLive},
		"POST /lists":                          {auth.Write, s.createList},
		"GET /lists/{id}/edit":                 {auth.Write, s.editList},
		"POST /lists/{id}/rename":              {auth.Write, s.renameList},
		"POST /lists/{id}/delete":              {auth.Write, s.deleteList},
		"GET /lists/{id}/members":              {auth.Look, s.listMembers},
		"GET /lists/{id}/members.csv":          {auth.Look, s.downloadMembers},
		"GET /contacts":                        {auth.Look, s.searchContacts},
		"GET /contacts/{id}":                   {auth.Look, s.showContact},
		"GET /contacts/{id}/export.json":       {auth.Look, s.exportContact},
		"GET /contacts/{id}/erase":             {auth.Manage, s.askErase},
		"POST /contacts/{id}/erase":            {auth.Manage, s.eraseContact},
		"GET /contacts/{id}/{verb}":            {auth.Write, s.askContact},
		"POST /contacts/{id}/{verb}":           {auth.Write, s.changeContact},
		"GET /suppressions":                    {auth.Look, s.listSuppressions},
		"GET /suppressions.csv":                {auth.Look, s.downloadSuppressions},
		"POST /suppressions":                   {auth.Write, s.addSuppression},
		"POST /suppressions/import":            {auth.Write, s.importSuppressions},
		"GET /suppressions/lift":               {auth.Write, s.askLift},
		"POST /suppressions/lift":              {auth.Write, s.lift},
		"GET /segments":                        {auth.Look, s.listSegments},
		"GET /segments/live":                   {auth.Look, s.segmentsLive},
		"GET /segments/new":                    {auth.Write, s.newSegment},
		"GET /segments/{id}":                   {auth.Look, s.showSegment},
		"GET /segments/{id}/live":              {auth.Look, s.segmentLive},
		"POST /segments":                       {auth.Write, s.changeSegment},
		"POST /segments/{id}/delete":           {auth.Write, s.deleteSegment},
		"GET /replies":                         {auth.Look, s.listReplies},
		"GET /replies/live":                    {auth.Look, s.repliesLive},
		"GET /people":                          {auth.Manage, s.listPeople},
		"POST /people/{verb}":                  {auth.Manage, s.changePeople},
		"GET /campaigns/new":                   {auth.Write, s.newCampaign},
		"POST /campaigns":                      {auth.Write, s.startDraft},
		"GET /campaigns/{id}/edit":             {auth.Write, s.editCampaign},
		"POST /campaigns/{id}/edit":            {auth.Write, s.saveDraft},
		"POST /campaigns/autosave":             {auth.Write, s.startAutosave},
		"POST /campaigns/{id}/autosave":        {auth.Write, s.autosave},
		"GET /campaigns/{id}/preview":          {auth.Look, s.previewCampaign},
		"GET /campaigns/{id}/preview/html":     {auth.Look, s.letterHTML},
		"POST /campaigns/{id}/test":            {auth.Write, s.sendTest},
		"GET /campaigns/{id}/test/{test}":      {auth.Look, s.showTest},
		"GET /campaigns/{id}/test/{test}/live": {auth.Look, s.testLive},
		"GET /campaigns/{id}/audience":         {auth.Write, s.showAudience},
		"GET /campaigns/{id}/audience/live":    {auth.Write, s.audienceLive},
		"POST /campaigns/{id}/audience":        {auth.Write, s.saveAudience},
		"GET /campaigns/{id}/schedule":         {auth.Write, s.showSchedule},
		"POST /campaigns/{id}/schedule":        {auth.Write, s.scheduleCampaign},
		"POST /campaigns/{id}/clone":           {auth.Write, s.cloneCampaign},
		"GET /images":                          {auth.Look, s.listImages},
		"GET /images/{name}":                   {auth.Look, s.showOneImage},
		"GET /images/{name}/thumbnail":         {auth.Look, s.showThumbnail},
		"POST /images":                         {auth.Write, s.takeImages},
		"POST /images/{name}":                  {auth.Write, s.describeImage},
		"POST /images/{name}/delete":           {auth.Write, s.deleteImage},
		"GET /templates":                       {auth.Look, s.listTemplates},
		"GET /templates/{id}":                  {auth.Look, s.showTemplate},
		"GET /templates/{id}/look":             {auth.Look, s.templateHTML},
		"POST /templates":                      {auth.Write, s.saveTemplate},
		"POST /templates/{id}/delete":          {auth.Write, s.deleteTemplate},
		"GET /campaigns/{id}/delete":           {auth.Write, s.askDelete},
		"POST /campaigns/{id}/delete":          {auth.Write, s.deleteDraft},
	}
}

// addPublic adds what needs no password.
func (s *Server) addPublic(mux *http.ServeMux, files assets) {
	leaving := http.NewServeMux()
	leaving.Handle("GET /u/{token}", s.page(s.showLeave, s.publicFault))
	leaving.Handle("POST /u/{token}", s.page(s.leave, s.publicFault))
	leaving.Handle("GET /u/{token}/lists", s.page(s.showPreferences, s.publicFault))
	leaving.Handle("POST /u/{token}/lists", s.page(s.prefer, s.publicFault))
	leaving.Handle("GET /u/message", s.page(s.showPassedOn, s.publicFault))
	mux.Handle("/u/", s.unindexed(s.known(leaving, s.publicFault)))
	reading := http.NewServeMux()
	reading.Handle("GET /v/{token}", s.page(s.showView, s.publicFault))
	mux.Handle("/v/", s.unindexed(s.known(reading, s.publicFault)))
	counting := http.NewServeMux()
	counting.Handle("GET /c/{token}", s.page(s.follow, s.publicFault))
	counting.Handle("GET /o/{token}", s.page(s.countOpen, s.publicFault))
	mux.Handle("/c/", s.unindexed(s.known(counting, s.publicFault)))
	mux.Handle("/o/", s.unindexed(s.known(counting, s.publicFault)))
	images := http.NewServeMux()
	images.Handle("GET "+picture.Path+"{name}", s.page(s.showImage, s.publicFault))
	mux.Handle(picture.Path, s.known(images, s.publicFault))
	mux.HandleFunc("GET /healthz", s.healthy)
	mux.Handle("GET /assets/", files)
}

// page turns a handler into the standard library's.
func (s *Server) page(h handler, fault func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fault(w, r, err)
		}
	})
}

// known answers with our own words what mux would answer with "404 page not
// found" and "Method Not Allowed".
func (s *Server) known(mux *http.ServeMux, fault func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &statusOnly{header: http.Header{}}
		h.ServeHTTP(refusal, r)
		if refusal.status != http.StatusMethodNotAllowed {
			fault(w, r, errNoPage)
			return
		}
		allow := refusal.header.Get("Allow")
		w.Header().Set("Allow", allow)
		fault(w, r, &fault405{allow: strings.Split(allow, ", ")})
	})
}

// statusOnly keeps what a handler says about a request and drops its words.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

var errNoPage = errors.New("no such page")

// fault405 says that a page takes other methods.
type fault405 struct{ allow []string }

func (f *fault405) Error() string { return "the page takes " + strings.Join(f.allow, ", ") + " only" }
