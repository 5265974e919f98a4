package runlog

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// A log of any contents is read, or is an error of one line that names file and line; and it can be opened and
// written on.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "log.jsonl") // one for all: making files is most of the work
	f.Add([]byte("{\"event\":\"step\",\"step\":1}\n{\"event\":\"step\",\"step\":2}\n" +
		"{\"event\":\"resumed\",\"step\":1}\n{\"ev"))
	f.Add([]byte("{}\n"))
	f.Add([]byte("\x00\n[1]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		entries, bad := Read(path)
		if bad != nil && (!strings.HasPrefix(bad.Error(), path+":") || strings.ContainsAny(bad.Error(), "\n\r")) {
			t.Fatalf("got %v, want an error of one line that names file and line", bad)
		}
		for i, e := range entries {
			if !json.Valid(e.Line) || i > 0 && e.Event == Resumed && entries[i-1].Step > e.Step {
				t.Fatalf("entry %d: %s", i, e.Line)
			}
		}
		l, err := open(path, math.MaxInt)
		var unfit *safefile.Error
		if errors.As(err, &unfit) && len(entries) == 0 { // not a log, so it stays
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, data) {
				t.Fatalf("changed to %q, %v", after, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(map[string]any{"event": "done", "step": 1 << 30}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		more, err := Read(path)
		if bad == nil && (err != nil || len(more) != len(entries)+1) {
			t.Fatalf("%d entries; after one more %d, %v", len(entries), len(more), err)
		}
	})
}
