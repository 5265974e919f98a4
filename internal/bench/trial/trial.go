// Package trial has what those programs share that try the built command: building it, a text to train on, and waiting.
package trial

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// Build makes a command an absolute path or, if none is named, builds it at path as it is given to users, without cgo.
func Build(command *string, path, tags string) (err error) {
	if *command != "" {
		*command, err = filepath.Abs(*command)
		return errors.WithStack(err)
	}
	*command = path
	build := exec.Command("go", "build", "-tags", tags, "-o", path, "github.com/unroll-ml/unroll/cmd/unroll")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return errors.Errorf("go build: %v: %s", err, out)
	}
	return nil
}

// Rhyme is a text of so many lines, always the same.
func Rhyme(lines int) string {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the cat sat on a mat and then some hen ran to the old red log by the fen")
	var b strings.Builder
	for range lines {
		for range 8 {
			b.WriteString(words[random.IntN(len(words))] + " ")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Until waits for something, at most so long, and looks again every so often. It says whether it has happened.
func Until(limit, every time.Duration, happened func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(every) {
		if happened() {
			return true
		}
	}
	return false
}

// Exists says whether a path leads to something.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
