package serve

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// copyRun copies a run that a test may change.
func copyRun(t *testing.T, kind string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), kind)
	if err := os.CopyFS(dir, os.DirFS(trained(t, kind))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// said collects what a server tells.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) tell(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

// wait waits for a line that has a text.
func (s *said) wait(t *testing.T, text string) string {
	t.Helper()
	for range 1000 {
		s.mu.Lock()
		for _, line := range s.lines {
			if strings.Contains(line, text) {
				s.mu.Unlock()
				return line
			}
		}
		s.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%q was not said, but %q", text, s.lines)
	return ""
}

// step is the training step of the checkpoint that answers.
func (s *server) step() int { return s.models[0].info().Step }

// A newer checkpoint answers without a lost request; a damaged one is named, and the one before it stays.
func TestNewerCheckpoint(t *testing.T) {
	dir := copyRun(t, "squares")
	var heard said
	c := Defaults()
	c.Runs, c.Tell = []string{dir}, heard.tell
	s := servingRuns(t, nil, c)
	before := s.step()

	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, body := s.ask("16", "81"); status != 200 {
					t.Errorf("%d %s", status, body)
					return
				}
			}
		})
	}
	if err := os.RemoveAll(filepath.Join(dir, "best")); err != nil { // so that the next validation is the best
		t.Fatal(err)
	}
	train(t, "squares", dir, 12)
	for range 500 {
		if s.step() > before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	after := s.step()
	if after <= before {
		t.Fatalf("the checkpoint of step %d answers, and that of step %d did before", after, before)
	}

	weights := filepath.Join(dir, s.models[0].info().Checkpoint, "weights.safetensors")
	data, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-5] ^= 1
	if err := os.WriteFile(weights, data, 0o644); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(filepath.Dir(weights), "manifest.json"), later, later); err != nil {
		t.Fatal(err)
	}
	if line := heard.wait(t, "cannot be used"); !strings.HasPrefix(line, "squares: ") ||
		!strings.Contains(line, "safetensors") {
		t.Errorf("said: %s", line)
	}
	close(stop)
	all.Wait()
	if status, _ := s.ask("16"); status != 200 || s.step() != after {
		t.Errorf("after the damage: %d, of step %d, want %d", status, s.step(), after)
	}
}

// A session goes on with a newer checkpoint.
func TestSessionOfNewerCheckpoint(t *testing.T) {
	dir := copyRun(t, "text")
	var heard said
	c := Defaults()
	c.Runs, c.Tell = []string{dir}, heard.tell
	s := servingRuns(t, nil, c)
	first := s.predictions(`{"inputs":["line 4"],"length":5,"session":"new"}`)[0]
	manifest := filepath.Join(dir, s.models[0].info().Checkpoint, "manifest.json")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(manifest, later, later); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if s.metric("unroll_reloads_total") == "2" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	whole := s.predictions(`{"inputs":["line 4` + strings.ReplaceAll(*first.Text, "\n", `\n`) +
		`"],"length":8,"temperature":0}`)[0]
	more := s.predictions(`{"inputs":[""],"length":8,"temperature":0,"session":"` + first.Session + `"}`)[0]
	if *whole.Text != *more.Text {
		t.Errorf("%q in the session, %q at once", *more.Text, *whole.Text)
	}
}

// A run without a checkpoint is served: its training is shown, and it answers as soon as it has one.
func TestNoCheckpointYet(t *testing.T) {
	dir := copyRun(t, "squares")
	aside := t.TempDir()
	for _, name := range []string{"best", "last"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := Defaults()
	c.Runs = []string{dir}
	s := servingRuns(t, nil, c)
	status, body := s.ask("16")
	if what := refusal(t, status, body); status != 503 || !strings.Contains(what, "no checkpoint yet") ||
		s.models[0].info().Ready {
		t.Errorf("%d %s", status, what)
	}
	if err := os.Rename(filepath.Join(aside, "best"), filepath.Join(dir, "best")); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if status, _ = s.ask("16"); status == 200 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("with a checkpoint: %d", status)
}
