//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/internal/runlog"
)

// program starts this test binary as the program, with the small model.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "UNROLL_TEST_MAIN=1")
	return cmd
}

func exitOf(err error) int {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

const trainArgs = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run"

// train | head -1: the reader goes away, the training goes on.
func TestStdoutIsClosed(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, mode := range []string{"", " --json"} {
		cmd := program(strings.Fields(trainArgs + " --steps 200 --log-every 1 --overwrite" + mode)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		out.Close()
		if code := exitOf(cmd.Wait()); code != 0 {
			t.Errorf("exit code %d after %q, %s", code, line, stderr.String())
		}
		if got := stderr.String(); got != "unroll: stdout cannot be written (write /dev/stdout: broken pipe): training "+
			"goes on, its log is run/log.jsonl\n" {
			t.Errorf("stderr: %s", got)
		}
		entries, err := runlog.Read("run/log.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		if last := entries[len(entries)-1]; last.Event != "done" || last.Step != 200 {
			t.Errorf("the log ends with %s", last.Line)
		}
	}
}

// started starts a training that would take long, and waits until it has taken some steps.
func started(t *testing.T, args string, stderr io.Writer) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := program(strings.Fields(trainArgs + " --log-every 1 --json " + args)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for range 15 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return cmd, lines
}

func TestInterrupts(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, c := range []struct {
		signals []os.Signal
		code    int
		says    string
	}{
		{[]os.Signal{syscall.SIGINT}, exitStopped, "saved in run/last: continue with unroll train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --log-every 1 --json --steps 1000000\n"},
		{[]os.Signal{syscall.SIGTERM}, exitStopped, "saved in run/last: continue with unroll train "},
		{[]os.Signal{syscall.SIGUSR1}, exitStopped, "saved in run/last: continue with unroll train "},                 // before a time limit
		{[]os.Signal{syscall.SIGHUP, syscall.SIGTERM}, exitStopped, "saved in run/last: continue with unroll train "}, // a closed terminal stops nothing
	} {
		var stderr strings.Builder
		cmd, rest := started(t, "--steps 1000000", &stderr)
		for _, s := range c.signals {
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := io.Copy(io.Discard, rest); err != nil {
			t.Fatal(err)
		}
		if code := exitOf(cmd.Wait()); code != c.code || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%v: %d, %s", c.signals, code, stderr.String())
		}
		must(t, "eval", "run", "--checkpoint", "last")
	}
}

// Before the first step there is nothing to wait for, and nothing stays behind.
func TestInterruptWhileLoading(t *testing.T) {
	small(t, nil)
	writeFile(t, "long.txt", strings.Repeat("a text that takes a while to read\n", 4<<20))
	cmd := program("train", "--text", "long.txt", "--out", "run")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for wait := 0; ; wait++ {
		if _, err := os.Stat("run/.lock"); err == nil {
			break
		}
		if wait == 1000 {
			t.Fatal("no run was begun")
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // it listens
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitOf(cmd.Wait()); code != exitStopped || stderr.String() != "unroll: stopped before the first step of "+
		"this process: repeat the command to begin, or to go on\n" {
		t.Errorf("%d, %s", code, stderr.String())
	}
	if _, err := os.Stat("run"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays behind: %v", err)
	}
}

// A signal counts from the moment on at which package interrupt is initialised, long before the command line is read.
func TestInterruptWhileStarting(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
		cmd := program(strings.Fields(trainArgs + " --steps 1000000")...)
		cmd.Env = append(cmd.Env, "GODEBUG=inittrace=1")
		errs, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, sent := "", false
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			if strings.Contains(lines.Text(), "/internal/interrupt @") {
				sent = true
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(lines.Text(), "unroll: ") {
				said += lines.Text()
			}
		}
		code := exitOf(cmd.Wait())
		if !sent || code != exitStopped || !strings.HasPrefix(said, "unroll: stopped before the first step of this process: ") {
			t.Errorf("%v, sent: %v: exit code %d, %s", sig, sent, code, said)
		}
	}
}

// A download stops at any of the signals, and can be repeated.
func TestSignalsStopDownloads(t *testing.T) {
	small(t, nil)
	t.Setenv(catalog.DirEnv, t.TempDir())
	withSet(t, hello)
	for _, sig := range interrupt.Signals {
		withNetwork(t, func(r *http.Request) (*http.Response, error) {
			if err := syscall.Kill(os.Getpid(), sig.(syscall.Signal)); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(time.Minute):
				return nil, errors.New("the signal was not heard")
			}
		})
		want(t, exitStopped, "stopped: repeat the command to go on from there", "data", "get", "hello")
	}
	withNetwork(t, answer(200, "hello\n"))
	if r := unroll("data", "get", "hello"); r.code != exitOK {
		t.Errorf("repeated: %d, %s", r.code, r.stderr)
	}
}

// slow starts a training whose steps take so long, and gives the lines that it writes on stderr.
func slow(t *testing.T, step, args string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := program(strings.Fields(trainArgs + " " + args)...)
	cmd.Env = append(cmd.Env, "UNROLL_TEST_SLOW="+step)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(errs)
}

const stoppingWords = "unroll: stopping after this step; Ctrl-C, a second later, stops at once, without saving\n"

// A second INT, a second later, ends the process while the first still waits for its step.
func TestSecondInterrupt(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, c := range []struct {
		saved bool
		says  string
	}{
		{false, "unroll: stopped at once, before the first checkpoint: nothing is saved; begin again with unroll " + trainArgs + " --steps 1000\n"},
		{true, "unroll: stopped at once: the last checkpoint is whole, what came after it is lost; continue with unroll " + trainArgs + " --steps 1000\n"},
	} {
		before := ""
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
		if c.saved {
			trainSmall(t, "--steps", "12")
			before = readFile(t, "run/last/weights.safetensors")
		}
		cmd, lines := slow(t, "1m", "--steps 1000")
		for _, want := range []string{"unroll: in a slow step\n", stoppingWords, c.says} {
			if got, err := lines.ReadString('\n'); err != nil || got != want {
				t.Fatalf("got %q, %v; want %q", got, err, want)
			}
			if want == stoppingWords {
				time.Sleep(interrupt.Together)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		}
		if code := exitOf(cmd.Wait()); code != exitStopped {
			t.Errorf("exit code %d", code)
		}
		if c.saved && readFile(t, "run/last/weights.safetensors") != before {
			t.Error("the checkpoint has changed")
		}
	}
}

// Machines repeat TERM and USR1, as a job's grace time or its time limit ends: only a person who repeats INT loses the step.
func TestRepeatedSignalsOfMachines(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	cmd, lines := slow(t, "1500ms", "--steps 1000")
	for _, want := range []string{"unroll: in a slow step\n", stoppingWords} {
		if got, err := lines.ReadString('\n'); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		if want == stoppingWords {
			time.Sleep(interrupt.Together)
		}
		for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if code := exitOf(cmd.Wait()); code != exitStopped || !strings.HasPrefix(string(rest), "unroll: stopped after step 1, ") {
		t.Errorf("%d, %s", code, rest)
	}
}

// timeout(1) signals the process, and then its group, in which the process is: that is one wish to stop, and
// all is saved.
func TestSignalToProcessAndGroup(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd, lines := slow(t, "300ms", "--steps 1000 --overwrite")
		if got, err := lines.ReadString('\n'); err != nil || got != "unroll: in a slow step\n" {
			t.Fatalf("got %q, %v", got, err)
		}
		for i, pid := range []int{cmd.Process.Pid, -cmd.Process.Pid, -cmd.Process.Pid} {
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			if i == 0 { // so that the first is not lost in the second
				if got, err := lines.ReadString('\n'); err != nil || got != stoppingWords {
					t.Fatalf("got %q, %v", got, err)
				}
			}
		}
		rest, err := io.ReadAll(lines)
		if err != nil {
			t.Fatal(err)
		}
		const says = "unroll: stopped after step 1, saved in run/last: continue with unroll " + trainArgs + " --steps 1000\n"
		if code := exitOf(cmd.Wait()); code != exitStopped || string(rest) != says {
			t.Errorf("%v: %d, %s", sig, code, rest)
		}
	}
}

// A file size limit is like a full disk: 74, and the checkpoint from before stays.
func TestFileSizeLimit(t *testing.T) {
	small(t, nil)
	many := ""
	for r := rune(0x100); r < 0x170; r++ {
		many += string(r)
	}
	writeFile(t, "rhyme.txt", rhyme(100)+many+"\n"+rhyme(20))
	must(t, strings.Fields(trainArgs+" --steps 12")...)
	before := readFile(t, "run/last/weights.safetensors")
	// The unit of ulimit -f is 512 or 1024 bytes: enough for configuration and log, too little for the weights.
	const limit = 32
	for name, fits := range map[string]bool{"config.yaml": true, "last/weights.safetensors": false} {
		if n := len(readFile(t, "run/"+name)); fits != (n < 512*limit) || fits != (n < 1024*limit) {
			t.Fatalf("%s has %d bytes", name, n)
		}
	}
	binary, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	again := trainArgs + " --steps 14 --log-every 100"
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -f %d && exec \"$0\" %s", limit, again), binary)
	cmd.Env = append(os.Environ(), "UNROLL_TEST_MAIN=1")
	writeFile(t, "run/log.jsonl", "")
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; exitOf(err) != exitIO ||
		!strings.HasPrefix(last, "unroll: run/best: file too large: ") || !strings.Contains(last, " bytes are needed, ") ||
		!strings.HasSuffix(last, " are free: what was saved before is whole: make room and continue with unroll "+again) {
		t.Errorf("%v: %s", err, out)
	}
	if readFile(t, "run/last/weights.safetensors") != before {
		t.Error("the checkpoint has changed")
	}
	entries, err := os.ReadDir("run")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".tmp-") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// A training that is killed again and again, and each time repeated, ends with the same bytes as one that was
// left alone.
func TestKillAndRepeat(t *testing.T) {
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("UNROLL_KILLS")); err == nil {
		kills = n
	}
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	steps := fmt.Sprintf("--checkpoint-every 7 --steps %d", 100+100*kills)
	must(t, strings.Fields(strings.Replace(trainArgs, "--out run", "--out straight", 1)+" "+steps)...)
	for kill := range kills {
		cmd, _ := started(t, steps, nil)
		time.Sleep(time.Duration(kill*7919%20) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
	}
	out, err := program(strings.Fields(trainArgs + " " + steps)...).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "is finished") {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors"} {
		if readFile(t, filepath.Join("straight", name)) != readFile(t, filepath.Join("run", name)) {
			t.Errorf("%s differs", name)
		}
	}
}
