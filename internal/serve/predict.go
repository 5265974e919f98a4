package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/pkg/errors"
)

// predict answers POST /v1/predict.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	if s.working.Add(1) > int64(s.config.Requests) {
		s.working.Add(-1)
		writeError(w, errFull)
		return
	}
	defer s.working.Add(-1)
	body, err := s.body(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	m, c, err := s.call(body)
	if err != nil {
		writeError(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
	defer cancel()
	stop := context.AfterFunc(s.ended, cancel)
	defer stop()
	c.ctx, c.stream = ctx, wantsEvents(r)
	if !m.queue.add(c) {
		writeError(w, errFull)
		return
	}
	if c.stream {
		s.streamAnswer(w, m, c)
	} else {
		s.wholeAnswer(w, m, c)
	}
}

var errFull = &callError{503, "too many requests wait already: try again in a second"}

// body reads the body of a request.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(s.config.Body)) // a writer that has none is one of a test
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBytes))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, &callError{413, fmt.Sprintf("the body is longer than %d bytes", long.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, &callError{408, fmt.Sprintf("the body did not come within %v", s.config.Body)}
	case err != nil:
		return nil, wrong("the body cannot be read: %v", err)
	}
	control.SetReadDeadline(time.Time{})
	return body, nil
}

// call makes a call of the body of a request.
func (s *Server) call(body []byte) (*model, *call, error) {
	q, given, err := parseRequest(body)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.model(q.Model)
	if err != nil {
		return nil, nil, err
	}
	now := m.current.Load()
	if now == nil {
		return nil, nil, noModel
	}
	if err := q.options.check(now.run.Config().Task, given); err != nil {
		return nil, nil, err
	}
	if err := now.check(&q.options); err != nil {
		return nil, nil, err
	}
	c := &call{options: &q.options, key: q.options.key(), arrived: time.Now(), mailbox: newMailbox()}
	if c.alone = !now.together(&q.options); c.alone {
		c.key = strconv.FormatUint(s.calls.Add(1), 10)
	}
	for i, raw := range q.Inputs {
		x, err := now.input(raw)
		if err != nil {
			return nil, nil, wrong("inputs[%d]: %v", i, err)
		}
		c.inputs, c.steps = append(c.inputs, x), append(c.steps, now.steps(x))
	}
	return m, c, nil
}

// wholeAnswer waits for all outputs of a call, and answers with them.
func (s *Server) wholeAnswer(w http.ResponseWriter, m *model, c *call) {
	a := answer{Model: m.name, Outputs: make([]output, len(c.inputs))}
	for left := len(c.inputs); left > 0; {
		events, err := c.mailbox.take(c.ctx)
		if err != nil {
			writeError(w, s.late(err))
			return
		}
		for _, e := range events {
			if e.err != nil {
				writeError(w, s.late(e.err))
				return
			}
			a.Outputs[e.input], a.Step = *e.output, e.step
			left--
		}
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
	writeJSON(w, http.StatusOK, a)
}

// late says what it means that a call ended before its time.
func (s *Server) late(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &callError{504, fmt.Sprintf("the answer took longer than %v: send less at once", s.config.Timeout)}
	case errors.Is(err, context.Canceled):
		return &callError{503, "the server ends: ask another one, or try again later"}
	}
	return err
}

// streamedToken, streamedOutput and streamedEnd are the data of events of an answer.
type (
	streamedToken struct {
		Input int `json:"input" doc:"Which input it is, from 0."`
		token
	}
	streamedOutput struct {
		Input  int    `json:"input" doc:"Which input it is, from 0."`
		Output output `json:"output" doc:"What it became."`
	}
	streamedEnd struct {
		Model string `json:"model" doc:"The model that answered."`
		Step  int    `json:"step" doc:"The training step of the checkpoint that answered."`
	}
)

// streamAnswer answers with events as they come: token, output, and at last done or error.
func (s *Server) streamAnswer(w http.ResponseWriter, m *model, c *call) {
	found, err := c.mailbox.take(c.ctx)
	if err == nil && found[0].err != nil {
		err = found[0].err
	}
	if err != nil { // before anything was sent
		writeError(w, s.late(err))
		return
	}
	to := newEvents(w)
	end := streamedEnd{Model: m.name}
	for left := len(c.inputs); ; {
		for _, e := range found {
			switch {
			case e.token != nil:
				err = to.send("token", streamedToken{e.input, *e.token})
			case e.output != nil:
				end.Step, left = e.step, left-1
				err = to.send("output", streamedOutput{e.input, *e.output})
			default:
				_, what := statusOf(s.late(e.err))
				to.send("error", failure{what})
				to.flush()
				return
			}
			if err != nil {
				return // the caller has gone
			}
		}
		if left == 0 {
			to.send("done", end)
			to.flush()
			return
		}
		if to.flush() != nil {
			return
		}
		if found, err = c.mailbox.take(c.ctx); err != nil {
			found = []event{{err: err}}
		}
	}
}
