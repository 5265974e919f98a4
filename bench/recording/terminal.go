package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// ready is what the shell writes before each prompt: a title of the window, which is not seen.
const (
	ready  = "\x1b]0;ready\x07"
	prompt = "$ "
)

// patience is how long a command may take.
const patience = 15 * time.Minute

// terminal is a shell in a terminal of 80 columns.
type terminal struct {
	shell *exec.Cmd
	keys  io.WriteCloser

	mu   sync.Mutex
	said []byte // all that was written to it
	gone bool   // nothing more is written
}

func open(dir string, env []string) (*terminal, error) {
	t := &terminal{shell: exec.Command("script", "-qefc",
		fmt.Sprintf("stty cols %d rows 24; exec bash --norc --noprofile --noediting -i", columns), os.DevNull)}
	t.shell.Dir, t.shell.Env = dir, append(env, "PS1="+ready+prompt)
	keys, err := t.shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := t.shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.keys = keys
	if err := t.shell.Start(); err != nil {
		return nil, err
	}
	go t.listen(out)
	return t, t.wait(0, regexp.QuoteMeta(ready+prompt))
}

func (t *terminal) listen(out io.Reader) {
	part := make([]byte, 1<<16)
	for {
		n, err := out.Read(part)
		t.mu.Lock()
		t.said, t.gone = append(t.said, part[:n]...), err != nil
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// since is what was written from a byte on.
func (t *terminal) since(from int) (text string, gone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.said[from:]), t.gone
}

// wait waits until a pattern has appeared behind a byte.
func (t *terminal) wait(from int, pattern string) error {
	appeared := regexp.MustCompile(pattern)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, gone := t.since(from)
		if appeared.MatchString(text) {
			return nil
		}
		if gone {
			return errors.Errorf("the terminal was closed before %q appeared: %q", pattern, text)
		}
	}
	text, _ := t.since(from)
	return errors.Errorf("%q did not appear within %v: %q", pattern, patience, text)
}

// perform types the command of a scene, and gives the lines that the terminal shows then, those of the command included.
func (t *terminal) perform(s scene) (lines []string, err error) {
	before, _ := t.since(0)
	typed := len(before) // where what is typed begins
	if _, err := io.WriteString(t.keys, s.command+"\n"); err != nil {
		return nil, err
	}
	if s.interrupt != "" {
		if err := t.wait(typed, s.interrupt); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(t.keys, "\x03"); err != nil {
			return nil, err
		}
	}
	until := s.until
	if until == "" {
		until = regexp.QuoteMeta(ready + prompt)
	}
	if err := t.wait(typed, until); err != nil {
		return nil, err
	}
	text, _ := t.since(typed)
	text, _, _ = strings.Cut(text, ready)
	return screen(prompt + text), nil
}

// close ends the command that runs, and the shell.
func (t *terminal) close() {
	io.WriteString(t.keys, "\x03")
	time.Sleep(time.Second) // for what was interrupted
	io.WriteString(t.keys, "exit\n")
	t.keys.Close()
	t.shell.Wait()
}
