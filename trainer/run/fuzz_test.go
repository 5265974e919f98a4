package run

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// What is read as a configuration can be written, and is then the same; anything else is an error of one line
// that names the file.
func FuzzReadConfig(f *testing.F) {
	path := filepath.Join(f.TempDir(), ConfigName) // one for all: making files is most of the work
	f.Add([]byte(lmConfig))
	f.Add([]byte(strings.Replace(lmConfig, "lr: 0.003", "lr: .nan", 1)))
	f.Add([]byte(strings.Replace(lmConfig, "  text: \"\"", "  text: &a [*a]", 1)))
	f.Add([]byte(lmConfig + "---\n" + lmConfig))
	f.Fuzz(func(t *testing.T, data []byte) {
		writeFile(t, path, string(data))
		c, err := ReadConfig(path)
		if err != nil {
			if !isData(err) || !strings.HasPrefix(err.Error(), path+": ") {
				t.Fatalf("got %v, want one of data that names the file", err)
			}
			return
		}
		once := c.Encode()
		writeFile(t, path, string(once))
		again, err := ReadConfig(path)
		if err != nil {
			t.Fatalf("read but cannot read what it was written as: %v\n%s", err, once)
		}
		if twice := again.Encode(); !bytes.Equal(once, twice) {
			t.Fatalf("written\n%s\nthen\n%s", once, twice)
		}
	})
}
