package serve

import (
	"fmt"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/trainer/run"
)

// When there is no room for a session, the one that was unused for longest is dropped for it; one that goes on needs none.
func TestSessionsAreDropped(t *testing.T) {
	s := &sessions{by: map[string]*session{}}
	begin := time.Now().Add(-time.Hour)
	for i := range maxSessions {
		used := begin.Add(time.Duration((i+100)%maxSessions) * time.Second) // number 156 is the first, 157 the second
		s.by[fmt.Sprint(i)] = &session{&run.Text{}, used}
	}
	s.put("156", &run.Text{})
	if len(s.by) != maxSessions {
		t.Errorf("%d sessions after one went on", len(s.by))
	}
	s.put("fresh", &run.Text{})
	if len(s.by) != maxSessions || s.get("157") != nil || s.get("156") == nil || s.get("fresh") == nil {
		t.Errorf("%d sessions; number 157, unused for longest: %v; 156, just used: %v; the new one: %v", len(s.by), s.get("157"),
			s.get("156"), s.get("fresh"))
	}
}
