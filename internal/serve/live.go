package serve

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"time"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/trainer/run"
)

// What is followed of a log.
const (
	followEvery  = 500 * time.Millisecond
	beatEvery    = 15 * time.Second
	maxFollowers = 32   // that follow at once
	maxPoints    = 1000 // of a curve that are sent together
)

// point is a point of the curves of a run: the mean over some steps.
type point struct {
	Step int       `json:"step" doc:"The newest of its training steps."`
	Loss run.Float `json:"loss" doc:"The training loss, the mean over the steps since the point before."`
	LR   run.Float `json:"lr" doc:"The learning rate."`
}

// history is what the log of a run has.
type history struct {
	Points      []point           `json:"points" doc:"The training loss and the learning rate."`
	Validations []json.RawMessage `json:"validations" doc:"The events valid of the log, as they are there."`
	State       json.RawMessage   `json:"state,omitempty" doc:"The newest of the events resumed, done, stopped and diverged."`
}

// add takes up entries of a log.
func (h *history) add(entries []runlog.Entry) {
	for _, e := range entries {
		switch e.Event {
		case "step":
			var s run.StepRecord
			if json.Unmarshal(e.Line, &s) == nil && s.Skipped == "" {
				h.Points = append(h.Points, point{e.Step, s.Loss, s.LR})
			}
		case "valid":
			h.Validations = append(h.Validations, e.Line)
		case runlog.Resumed, "done", "stopped", "diverged":
			h.State = e.Line
		}
	}
}

// thinned is a history of not more than so many points.
func (h *history) thinned(most int) *history {
	n := len(h.Points)
	x := &history{Points: []point{}, Validations: h.Validations, State: h.State}
	for k := range min(n, most) {
		x.Points = append(x.Points, mean(h.Points[k*n/min(n, most):(k+1)*n/min(n, most)]))
	}
	if x.Validations == nil {
		x.Validations = []json.RawMessage{}
	}
	return x
}

// mean is one point for some that follow each other.
func mean(some []point) point {
	last := some[len(some)-1]
	sum := run.Float(0)
	for _, p := range some {
		sum += p.Loss
	}
	return point{last.Step, sum / run.Float(len(some)), last.LR}
}

// follower reads the log of a model's run to its end.
func (m *model) follower() func() (*history, bool, error) {
	log := runlog.Follow(filepath.Join(m.dirs[0], run.LogName))
	return func() (*history, bool, error) {
		h, restarted := &history{}, false
		for {
			entries, again, err := log.Next()
			if err != nil {
				return nil, false, err
			}
			if again {
				h, restarted = &history{}, true
			}
			if len(entries) == 0 {
				return h.thinned(maxPoints), restarted, nil
			}
			h.add(entries)
		}
	}
}

// log answers with the history of a run or, as server-sent events, follows it: an event history with all that there
// is, then an event more with what is new whenever something is.
func (s *Server) log(w http.ResponseWriter, r *http.Request) {
	m, err := s.model(r.PathValue("model"))
	if err != nil {
		writeError(w, err)
		return
	}
	next := m.follower()
	all, _, err := next()
	switch {
	case err != nil:
		writeError(w, err)
	case !wantsEvents(r):
		writeJSON(w, http.StatusOK, all)
	case s.followers.Add(1) > maxFollowers:
		s.followers.Add(-1)
		writeError(w, &callError{503, "too many follow the log: try again later"})
	default:
		defer s.followers.Add(-1)
		e := newEvents(w)
		if e.send("history", all) == nil && e.flush() == nil {
			s.follow(r, e, next)
		}
	}
}

// follow sends what is new until the caller goes or the server ends.
func (s *Server) follow(r *http.Request, e *events, next func() (*history, bool, error)) {
	every := time.NewTicker(followEvery)
	defer every.Stop()
	beaten := time.Now()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.draining:
			return
		case <-every.C:
		}
		h, again, err := next()
		if err != nil {
			e.send("error", failure{err.Error()})
			e.flush()
			return
		}
		switch {
		case again:
			err = e.send("history", h)
		case len(h.Points) > 0 || len(h.Validations) > 0 || h.State != nil:
			err = e.send("more", h)
		case time.Since(beaten) > beatEvery:
			err = e.beat()
		default:
			continue
		}
		if beaten = time.Now(); err == nil {
			err = e.flush()
		}
		if err != nil {
			return
		}
	}
}
