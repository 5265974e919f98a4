//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// harness is what all rows have.
type harness struct {
	long    bool
	command string // the program
	self    string // this one, to measure others with; "" in tests
	tests   string // the test binary of trainer/checkpoint
	work    string
	dir     string // of the row
}

// The exit codes that are promised.
const (
	exitData     = 65
	exitNoInput  = 66
	exitNoDevice = 69
	exitNoOutput = 73
	exitIO       = 74
	exitStopped  = 75
	exitDiverged = 80
)

// small is a training of a small real model, which takes about 0.1 ms a step; its text is made by rhyme.
const small = "train lm --text text.txt --cell gru --hidden 24 --layers 1 --embed 8 --batch 4 --seq 16 --threads 1 " +
	"--valid-every 50"

// patience is how long one command may take.
const patience = 2 * time.Minute

func (h *harness) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

func (h *harness) write(name, data string) {
	path := h.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		panic(err)
	}
}

// outcome is what became of a process.
type outcome struct {
	args           string
	code           int // -1: killed, or it did not end
	stdout, stderr string
	wall           time.Duration
	cpu            time.Duration // if it was measured
	peak           int64         // bytes, resident, if it was measured
}

// last is the last line of stderr.
func (o *outcome) last() string {
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	return lines[len(lines)-1]
}

func (o *outcome) String() string {
	return fmt.Sprintf("unroll %s: %d, %.600s", o.args, o.code, strings.TrimSpace(o.stderr))
}

// start is the command with arguments, not yet started.
func (h *harness) start(args string) *exec.Cmd {
	cmd := exec.Command(h.command, strings.Fields(args)...)
	cmd.Dir = h.dir
	return cmd
}

// unroll runs the command to its end.
func (h *harness) unroll(args string) *outcome {
	return h.run(args, h.command, strings.Fields(args)...)
}

// shell runs a line of a shell, in which unroll is the command.
func (h *harness) shell(line string) *outcome {
	return h.run(line, "sh", "-c", "unroll() { "+h.command+" \"$@\"; }\n"+line)
}

func (h *harness) run(name, program string, args ...string) *outcome {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = h.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	begin := time.Now()
	err := cmd.Run()
	o := &outcome{args: name, stdout: stdout.String(), stderr: stderr.String(), wall: time.Since(begin)}
	o.code = codeOf(err)
	return o
}

// measureArg makes this program run another and write how much memory that took.
const measureArg = "measure-memory-of"

// measured is unroll with its time of the processor and its peak of memory. What the kernel says of a process
// begins with what its parent held: a process that holds little stands between.
func (h *harness) measured(args string) *outcome {
	if h.self == "" {
		return h.unroll(args)
	}
	return h.limited(args, 0)
}

// limited is measured with at most so many bytes of address space, which says nothing of memory in use: Go
// reserves a part of it, and C more for each thread. 0: as many as there are.
func (h *harness) limited(args string, space int64) *outcome {
	limit := "exec \"$@\""
	if space > 0 {
		limit = fmt.Sprintf("ulimit -v %d; %s", space>>10, limit)
	}
	command := append([]string{"-c", limit, "sh"}, h.command)
	if h.self != "" {
		command = []string{"-c", limit, "sh", h.self, measureArg, h.command}
	}
	o := h.run(args, "sh", append(command, strings.Fields(args)...)...)
	if lines := strings.SplitAfter(o.stderr, "\n"); h.self != "" && len(lines) > 1 {
		fmt.Sscan(lines[len(lines)-2], &o.peak, &o.cpu)
		o.stderr = strings.Join(lines[:len(lines)-2], "")
	}
	return o
}

// measure runs a command and writes, as a last line of stderr, the most bytes that it had resident and the
// nanoseconds that it ran.
func measure(command []string) int {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return -1
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		fmt.Fprintln(os.Stderr, usage.Maxrss<<10, int64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
	}
	return codeOf(err)
}

func codeOf(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}

// ended checks that a command ended with a code, and with an error of one line that has the words, if any are wanted.
func (r *record) ended(o *outcome, code int, words ...string) bool {
	if o.code != code {
		return r.check(false, "%v; want exit code %d", o, code)
	}
	if strings.Contains(o.stderr, "goroutine ") || code != 0 && !strings.HasPrefix(o.last(), "unroll: ") {
		return r.check(false, "%v; want an error of one line", o)
	}
	for _, w := range words {
		if !strings.Contains(o.last(), w) {
			return r.check(false, "%v; want %q in it", o, w)
		}
	}
	return r.check(true, "")
}

// whole checks that a checkpoint can be read, and gives its step.
func whole(dir string) (step int, err error) {
	f, err := checkpoint.Open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Step(), f.Verify()
}

// sameRun says what differs between two runs: weights, state of the optimizer, best weights, or what their logs
// say of any step.
func (h *harness) sameRun(a, b string) error {
	for _, name := range []string{"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors"} {
		x, err := os.ReadFile(h.path(a, name))
		if err != nil {
			return err
		}
		y, err := os.ReadFile(h.path(b, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(x, y) {
			return fmt.Errorf("%s of %s and %s differ", name, a, b)
		}
	}
	x, err := h.losses(a)
	if err != nil {
		return err
	}
	y, err := h.losses(b)
	if err != nil {
		return err
	}
	if len(x) != len(y) {
		return fmt.Errorf("%s logged %d steps, %s %d", a, len(x), b, len(y))
	}
	for i := range x {
		if x[i] != y[i] {
			return fmt.Errorf("of step %d %s logged the loss %s, %s %s", i+1, a, x[i], b, y[i])
		}
	}
	return nil
}

// losses are those that a run logged, of step 1 and on; it is an error if a step is missing or there twice.
func (h *harness) losses(run string) ([]string, error) {
	entries, err := runlog.Read(h.path(run, "log.jsonl"))
	if err != nil {
		return nil, err
	}
	var losses []string
	for _, e := range entries {
		if e.Event != "step" {
			continue
		}
		if e.Step != len(losses)+1 {
			return nil, fmt.Errorf("%s: step %d is logged where step %d belongs", run, e.Step, len(losses)+1)
		}
		_, rest, _ := strings.Cut(string(e.Line), `"loss":`)
		loss, _, _ := strings.Cut(rest, ",")
		losses = append(losses, loss)
	}
	return losses, nil
}

// strays are the temporary files in a folder.
func (h *harness) strays(run string) (names []string) {
	filepath.WalkDir(h.path(run), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), ".tmp-") {
			names = append(names, path)
		}
		return nil
	})
	return names
}
