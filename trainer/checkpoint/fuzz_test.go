package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pkg/errors"
)

// Whatever the files of a folder hold, it is read as what Save could have written, or it is a *CorruptError of
// one line that names the folder. With honest the manifest is true, so that the fuzzer gets past the checksums.
func FuzzOpen(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "last") // one for all: making files is most of the work
	if err := save(dir, 1, contents(1)); err != nil {
		f.Fatal(err)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	optimizer := read(optimizerFile)
	f.Add(read(manifestFile), read(stateFile), read(weightsFile), false)
	f.Add([]byte(nil), read(stateFile), file(`{"a":`+f32+`}`, 4), true)
	f.Add([]byte(`{"format":"unroll-checkpoint-1","files":{}}`), []byte("{\n  \"step\": 1,\n  \"best\": null\n}\n"),
		[]byte(nil), true)
	f.Fuzz(func(t *testing.T, manifestData, stateData, weights []byte, honest bool) {
		if honest {
			m := manifest{Format: manifestFormat, Files: map[string]fileInfo{}}
			for name, data := range map[string][]byte{optimizerFile: optimizer, stateFile: stateData, weightsFile: weights} {
				sum := sha256.Sum256(data)
				m.Files[name] = fileInfo{Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
			}
			var err error
			if manifestData, err = encodeJSON(m); err != nil {
				t.Fatal(err)
			}
		}
		for name, data := range map[string][]byte{manifestFile: manifestData, stateFile: stateData, weightsFile: weights} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c, err := readFolder(dir)
		if err != nil {
			var e *CorruptError
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), dir) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("got %v, want a *CorruptError of one line", err)
			}
			return
		}
		// What was read can be saved, and reads as the same.
		again := filepath.Join(filepath.Dir(dir), "again")
		if err := save(again, 1, *c); err != nil {
			t.Fatalf("read but cannot save: %v", err)
		}
		back, err := readFolder(again)
		if err != nil {
			t.Fatal(err)
		}
		byName := cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name })
		if diff := cmp.Diff(c, back, byName, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// readFolder reads all of a checkpoint.
func readFolder(dir string) (*Contents, error) {
	f, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var s state
	if err := f.State(&s); err != nil {
		return nil, err
	}
	c := &Contents{State: s}
	if c.Weights, err = f.Weights(); err != nil {
		return nil, err
	}
	c.Optimizer, err = f.Optimizer()
	return c, err
}
