package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// writeTime is how long a caller may take to accept a part of an answer.
const writeTime = 10 * time.Second

// eventStream is the type of server-sent events.
const eventStream = "text/event-stream"

// wantsEvents says whether a caller wants an answer as server-sent events.
func wantsEvents(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), eventStream)
}

// events writes server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// newEvents begins an answer.
func newEvents(w http.ResponseWriter) *events {
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would keep events back
	w.WriteHeader(http.StatusOK)
	return &events{w, http.NewResponseController(w)}
}

// send writes an event with JSON data, and may wait for flush.
func (e *events) send(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return errors.WithStack(err)
	}
	return e.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, text))
}

// beat writes something that nobody reads, to learn whether the caller is still there.
func (e *events) beat() error { return e.write(":\n\n") }

func (e *events) write(text string) error {
	e.control.SetWriteDeadline(time.Now().Add(writeTime)) // a writer that has none is one of a test
	_, err := e.w.Write([]byte(text))
	return errors.WithStack(err)
}

func (e *events) flush() error { return errors.WithStack(e.control.Flush()) }
