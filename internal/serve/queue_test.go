package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// echo is a task that says what it was given, and how much was predicted together. It waits until the test lets it go.
type echo struct {
	mu      sync.Mutex
	batches [][]string
	let     chan struct{} // nil: at once
	began   chan struct{} // has an element for each batch
	ended   chan error    // likewise: the context's error when predict ends
}

func newEcho(wait bool) *echo {
	e := &echo{began: make(chan struct{}, 1000), ended: make(chan error, 1000)}
	if wait {
		e.let = make(chan struct{})
	}
	return e
}

func (e *echo) input(raw json.RawMessage) (any, error) {
	text, err := textInput(raw)
	return line{text: text}, err
}

func (e *echo) steps(any) int          { return 1 }
func (e *echo) check(*options) error   { return nil }
func (e *echo) together(*options) bool { return true }
func (e *echo) close() error           { return nil }

func (e *echo) predict(ctx context.Context, o *options, inputs []any, _ func(token)) (outputs []output, err error) {
	defer func() { e.ended <- ctx.Err() }()
	e.mu.Lock()
	e.batches = append(e.batches, texts(inputs))
	e.mu.Unlock()
	e.began <- struct{}{}
	if e.let != nil {
		select {
		case <-e.let:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for _, text := range texts(inputs) {
		switch text {
		case "fail":
			return nil, errors.New("it fails")
		case "panic":
			panic("it panics")
		}
		outputs = append(outputs, output{Text: some(fmt.Sprint(text, o.Top))})
	}
	return outputs, nil
}

// echoing serves an echo in the place of a classifier.
func echoing(t *testing.T, e *echo, change func(*Config)) *server {
	t.Helper()
	s := serving(t, func(c *Config) {
		c.Poll = time.Hour
		if change != nil {
			change(c)
		}
	}, "squares")
	m := s.models[0]
	m.newer.Store(&loaded{e, m.current.Load().run, m.tried})
	return s
}

// ask asks for texts, and gives what came back.
func (s *server) ask(texts ...string) (int, string) {
	body, _ := json.Marshal(map[string]any{"inputs": texts})
	return s.post(string(body))
}

// Requests that come together are predicted together, in batches that are not too large, and each gets its own answer.
func TestBatches(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Wait, c.Batch = time.Second, 8 })
	var all sync.WaitGroup
	all.Go(func() { s.ask("first") })
	<-e.began
	for i := range 20 {
		all.Go(func() {
			top := 1 + i%2
			text := fmt.Sprint("text ", i, " ")
			out := s.predictions(fmt.Sprintf(`{"inputs":[%q,"b"],"top":%d}`, text, top))
			if *out[0].Text != fmt.Sprint(text, top) || *out[1].Text != fmt.Sprint("b", top) {
				t.Errorf("%q got %q and %q", text, *out[0].Text, *out[1].Text)
			}
		})
	}
	s.waiting(40)
	close(e.let)
	all.Wait()
	var sizes []int
	for _, b := range e.batches {
		sizes = append(sizes, len(b))
	}
	// Of each of the two options there are 20 inputs.
	if diff := cmp.Diff([]int{1, 4, 4, 8, 8, 8, 8},
		slices.Concat(sizes[:1], slices.Sorted(slices.Values(sizes[1:])))); diff != "" {
		t.Errorf("41 inputs were predicted in batches of %v", sizes)
	}
}

// The first input of a batch waits for as many as came together before, but not for longer than the limit; a caller who
// is alone does not wait.
func TestBatchesWait(t *testing.T) {
	const wait = 300 * time.Millisecond
	q := &queue{most: 8, wait: wait, limit: 100, wake: make(chan struct{}, 1)}
	add := func(n int) {
		q.add(&call{
			ctx: t.Context(), key: "k", inputs: make([]any, n), steps: make([]int, n), arrived: time.Now(), mailbox: newMailbox(),
		})
	}
	next := func(want int, least, most time.Duration) {
		t.Helper()
		began := time.Now()
		items, more := q.batch()
		if took := time.Since(began); len(items) != want || !more || took < least || took > most {
			t.Errorf("%d inputs after %v, want %d after %v to %v", len(items), took, want, least, most)
		}
	}
	add(1)
	next(1, 0, wait/2)
	add(1)
	next(1, 0, wait/2)
	add(3) // as if they had come while the model was at work
	next(3, 0, wait/2)
	add(1)
	time.AfterFunc(wait/10, func() { add(2) })
	next(3, wait/20, wait*9/10)
	add(1)
	next(1, wait*8/10, 20*wait)
	add(20)
	next(8, 0, wait/2)
	next(8, 0, wait/2)
	q.close()
	next(4, 0, wait/2)
	if items, more := q.batch(); more || items != nil {
		t.Errorf("a closed queue gives %d inputs, and more: %v", len(items), more)
	}
}

// A batch has the input that came first, and those that are best read with it; what differs in length waits for the next
// one, and an option of its own for another.
func TestBatchesOfSimilarLengths(t *testing.T) {
	q := &queue{most: 4, limit: 100, cost: tape.StepCost{Rows: 4, Padded: 1}, wake: make(chan struct{}, 1)}
	add := func(key string, alone bool, steps ...int) {
		q.add(&call{
			ctx: t.Context(), key: key, alone: alone, inputs: make([]any, len(steps)), steps: steps, mailbox: newMailbox(),
		})
	}
	add("k", false, 200, 9)
	add("k", false, 10, 190, 8)
	add("other", false, 200)
	add("k", false, 7, 180, 9, 170, 10)
	add("drawn", true, 100, 1, 100, 1, 100)
	for _, want := range [][]int{{200, 190, 180, 170}, {9, 10, 9, 10}, {8, 7}, {200}, {100, 1, 100, 1}, {100}} {
		var steps []int
		items, _ := q.batch()
		for _, x := range items {
			steps = append(steps, x.steps[x.index])
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Error(diff)
		}
	}
	if n := q.waiting(); n != 0 {
		t.Errorf("%d inputs are left", n)
	}
}

// An input that fails, or a panic, is the affair of its own request alone.
func TestFailuresInBatches(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, nil)
	var all sync.WaitGroup
	all.Go(func() { s.ask("first") })
	<-e.began
	for _, text := range []string{"a", "fail", "b", "panic", "c"} {
		all.Go(func() {
			status, body := s.ask(text)
			switch text {
			case "fail", "panic":
				if what := refusal(t, status, body); status != 500 || !strings.Contains(what, text) {
					t.Errorf("%s: %d %s", text, status, body)
				}
			default:
				if status != 200 {
					t.Errorf("%s: %d %s", text, status, body)
				}
			}
		})
	}
	s.waiting(5)
	close(e.let)
	all.Wait()
}

// waiting waits until so many inputs wait for the model.
func (s *server) waiting(n int) {
	s.t.Helper()
	for range 500 {
		if s.models[0].queue.waiting() == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%d inputs wait, not %d", s.models[0].queue.waiting(), n)
}

// A queue that is full is said at once, and those who wait are answered.
func TestFull(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Queue, c.Batch, c.Wait = 3, 2, 0 })
	var all sync.WaitGroup
	answered := func(texts ...string) {
		all.Go(func() {
			if status, body := s.ask(texts...); status != 200 {
				t.Errorf("%q: %d %s", texts, status, body)
			}
		})
	}
	answered("at work")
	<-e.began
	answered("a", "b", "c")
	s.waiting(3)
	r, err := http.Post(s.url+"/v1/predict", "", strings.NewReader(`{"inputs":["d"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a full queue: %d, %v", r.StatusCode, r.Header)
	}
	close(e.let)
	all.Wait()

	busy := newEcho(true)
	few := echoing(t, busy, func(c *Config) { c.Requests = 1 })
	all.Go(func() { few.ask("a") })
	<-busy.began
	if status, body := few.ask("b"); status != 503 {
		t.Errorf("too many requests: %d %s", status, body)
	}
	close(busy.let)
	all.Wait()
}

// A request that takes too long, or whose caller goes away, is worked on no more.
func TestTimeLimits(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Timeout, c.Batch, c.Wait = 200*time.Millisecond, 1, 0 })
	if status, body := s.ask("late"); status != 504 {
		t.Errorf("%d %s", status, body)
	}
	if err := <-e.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the model works on: %v", err)
	}

	e = newEcho(true)
	s = echoing(t, e, func(c *Config) { c.Batch, c.Wait = 1, 0 })
	ctx, goAway := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, text := range []string{"at work", "waits"} {
		all.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/predict", strings.NewReader(`{"inputs":["`+text+`"]}`))
			if a, err := http.DefaultClient.Do(r); err == nil {
				t.Errorf("%s: answered %d", text, a.StatusCode)
				a.Body.Close()
			}
		})
	}
	<-e.began
	s.waiting(1)
	goAway()
	all.Wait()
	for range 500 {
		if s.working.Load() == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	all.Go(func() { s.ask("next") })
	for last := ""; last != "next"; { // the one that waited may have been begun when the first ended
		<-e.began
		e.mu.Lock()
		last = e.batches[len(e.batches)-1][0]
		e.mu.Unlock()
	}
	if err := <-e.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the model works on: %v", err)
	}
	close(e.let)
	all.Wait()
}

// When the server is to end, what was accepted is answered, and nothing more is accepted.
func TestDrain(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Batch, c.Wait = 2, 0 })
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			if status, body := s.ask(fmt.Sprint(i), "b"); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	<-e.began
	s.waiting(10)
	s.end()
	<-s.draining
	for range 100 { // the listener closes a moment later
		if _, err := http.Get(s.url + "/healthz"); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := http.Get(s.url + "/healthz"); err == nil {
		t.Error("a connection is accepted")
	}
	close(e.let)
	all.Wait()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	s.done <- nil
}

// A server that cannot answer all within the limit says so.
func TestDrainLimit(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Drain = 50 * time.Millisecond })
	var all sync.WaitGroup
	all.Go(func() {
		if r, err := http.Post(s.url+"/v1/predict", "", strings.NewReader(`{"inputs":["a"]}`)); err == nil {
			r.Body.Close()
			if r.StatusCode == 200 {
				t.Error("answered")
			}
		}
	})
	<-e.began
	s.end()
	err := <-s.done
	if late := (*DrainError)(nil); !errors.As(err, &late) || late.Left != 1 {
		t.Errorf("the server ended with %v", err)
	}
	all.Wait()
	s.done <- nil
}

// stubborn is an echo that works on when its callers have gone.
type stubborn struct{ *echo }

func (s stubborn) predict(_ context.Context, o *options, inputs []any, emit func(token)) ([]output, error) {
	return s.echo.predict(context.Background(), o, inputs, emit)
}

// A model that is at work for a caller that has gone does not keep a server from its end.
func TestDrainWithoutCallers(t *testing.T) {
	e := newEcho(true)
	s := echoing(t, e, func(c *Config) { c.Timeout, c.Drain = 50*time.Millisecond, 100*time.Millisecond })
	m := s.models[0]
	m.newer.Store(&loaded{stubborn{e}, m.current.Load().run, m.tried})
	if status, body := s.ask("a"); status != 504 {
		t.Errorf("%d %s", status, body)
	}
	s.end()
	select {
	case err := <-s.done:
		if err != nil {
			t.Error(err)
		}
		s.done <- nil
	case <-time.After(10 * time.Second):
		t.Error("the server waits for the model")
	}
	close(e.let)
}
