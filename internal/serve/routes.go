package serve

import (
	"net/http"
	"slices"
	"strings"
)

// route is a path that is answered.
type route struct {
	method, path string
	open         bool // without the token
	handle       http.HandlerFunc
	doc          string
	body         any // of a request, a struct; nil: none
	answer       any // a struct; nil: no JSON
	media        string
	events       map[string]any // that the answer has, by name, if the caller accepts server-sent events
}

// routes are all that there are, but those of the page.
func (s *Server) routes() []route {
	return []route{
		{method: "POST", path: "/v1/predict", handle: s.predict, body: request{}, answer: answer{},
			doc: "Translates, continues, labels or tags texts, forecasts series or gives them a number: what the model " +
				"was trained for.",
			events: map[string]any{"token": streamedToken{}, "output": streamedOutput{}, "done": streamedEnd{},
				"error": failure{}}},
		{method: "GET", path: "/v1/models", handle: s.list, answer: modelList{},
			doc: "Says which models are served, and which options they take."},
		{method: "GET", path: "/v1/models/{model}/log", handle: s.log, answer: history{},
			doc:    "The curves of a run; as server-sent events they go on while the run is in training.",
			events: map[string]any{"history": history{}, "more": history{}, "error": failure{}}},
		{method: "GET", path: "/metrics", handle: s.metrics.handler().ServeHTTP, media: "text/plain",
			doc: "What the server measures of itself, for Prometheus."},
		{method: "GET", path: "/healthz", open: true, handle: s.health, answer: health{},
			doc: "Says whether the server answers: 200, and 503 while it ends."},
		{method: "GET", path: "/openapi.json", open: true, handle: s.openAPI, media: "application/json",
			doc: "This description."},
	}
}

// Handler answers all requests of the server.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string]map[string]http.Handler{}
	for _, r := range s.routes() {
		h := http.Handler(r.handle)
		if !r.open {
			h = s.authorized(h)
		}
		if methods[r.path] == nil {
			methods[r.path] = map[string]http.Handler{}
		}
		methods[r.path][r.method] = s.metrics.measured(r.path, h)
	}
	for path, of := range methods {
		mux.Handle(path, byMethod(of))
	}
	mux.Handle("/", page())
	return s.guarded(mux)
}

// byMethod chooses a handler by the method of a request.
func byMethod(of map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h, ok := of[method]; ok {
			h.ServeHTTP(w, r)
			return
		}
		var allowed []string
		for method := range of {
			allowed = append(allowed, method)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeError(w, &callError{405, r.URL.Path + " takes " + strings.Join(allowed, " and ") + " only"})
	})
}

// health is the body of an answer of /healthz.
type health struct {
	Status string `json:"status" doc:"ok, or ending."`
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-s.draining:
		writeJSON(w, http.StatusServiceUnavailable, health{"ending"})
	default:
		writeJSON(w, http.StatusOK, health{"ok"})
	}
}
