//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

// endless is a training that nothing but a fault ends.
const endless = " --steps 100000000 --checkpoint-every 5"

// kills kills a training again and again, each time at another moment, and compares its end with that of one
// that was left alone.
func kills(h *harness, r *record) {
	n := 10
	if h.long {
		n = 200
	}
	r.what = "kills and the comparison"
	h.write("text.txt", trial.Rhyme(400))
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	newest, strays := 0, 0
	for i := range n {
		cmd := h.start(small + endless + " --out run")
		if !r.must(cmd.Start()) {
			return
		}
		if i%4 != 0 { // one in four may be killed before it does anything
			trial.Until(10*time.Second, 2*time.Millisecond, func() bool {
				step, err := whole(h.path("run", "last"))
				return err == nil && step > newest
			})
		}
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		cmd.Process.Kill()
		if err := cmd.Wait(); codeOf(err) >= 0 {
			r.check(false, "the training ended by itself: %v", err)
			return
		}
		r.tried--
		strays += len(h.strays("run"))
		step, err := whole(h.path("run", "last"))
		if errors.Is(err, fs.ErrNotExist) && newest == 0 {
			r.check(true, "") // it had not come to its first
			continue
		}
		if !r.check(err == nil && step >= newest, "killed after step %d was saved: step %d, %v", newest, step, err) {
			return
		}
		newest = step
	}
	steps := fmt.Sprintf(" --steps %d", newest+10)
	r.ended(h.unroll(small+steps+" --out run"), 0)
	r.ended(h.unroll(small+steps+" --out straight"), 0)
	r.must(h.sameRun("straight", "run"))
	r.check(len(h.strays("run")) == 0, "left behind: %v", h.strays("run"))
	r.note("%d steps, %d stray temporary files swept", newest+10, strays)
}

// watched is a process whose stderr is read as it comes.
type watched struct {
	*exec.Cmd
	mu     sync.Mutex
	stderr strings.Builder
	done   chan struct{}
	code   int
}

func watch(cmd *exec.Cmd) (*watched, error) {
	w := &watched{Cmd: cmd, done: make(chan struct{})}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(w.done)
		lines := bufio.NewReader(pipe)
		for {
			line, err := lines.ReadString('\n')
			w.mu.Lock()
			w.stderr.WriteString(line)
			w.mu.Unlock()
			if err != nil {
				break
			}
		}
		w.code = codeOf(cmd.Wait())
	}()
	return w, nil
}

func (w *watched) said(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.stderr.String(), s)
}

// end waits for the process, and kills it if it does not come to its end.
func (w *watched) end() *outcome {
	select {
	case <-w.done:
	case <-time.After(patience):
		w.Process.Kill()
		<-w.done
	}
	return &outcome{args: strings.Join(w.Args[1:], " "), code: w.code, stderr: w.stderr.String()}
}

// interrupted starts a training that has no end, waits until it has saved, and sends it a signal.
func (h *harness) interrupted(r *record, args string, signal os.Signal) *outcome {
	w, err := watch(h.start(args))
	if !r.must(err) {
		return nil
	}
	r.tried--
	_, run, _ := strings.Cut(args, "--out ")
	if !trial.Until(patience/4, 2*time.Millisecond, func() bool { return trial.Exists(h.path(run, "last")) || isDone(w.done) }) || isDone(w.done) {
		w.Process.Kill()
		r.check(false, "nothing was saved: %v", w.end())
		return nil
	}
	w.Process.Signal(signal)
	return w.end()
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stops stops a training by each signal, and continues it with the command that it printed.
func stops(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
		run := "run" + strconv.Itoa(int(signal))
		o := h.interrupted(r, small+endless+" --out "+run, signal)
		if o == nil || !r.ended(o, exitStopped, "stopped after step ", "saved in "+run+"/last",
			"continue with "+h.command+" ") {
			continue
		}
		step, err := whole(h.path(run, "last"))
		r.must(err)
		_, command, _ := strings.Cut(o.last(), "continue with ")
		r.ended(h.shell(strings.Replace(command, "100000000", strconv.Itoa(step+7), 1)), 0)
		r.ended(h.unroll(fmt.Sprintf("%s --steps %d --out straight%d", small, step+7, signal)), 0)
		r.must(h.sameRun(fmt.Sprintf("straight%d", signal), run))
	}
}

// secondInterrupt needs a step that takes longer than two signals are apart, and those are no wish to stop
// twice within a second.
func secondInterrupt(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(1500))
	w, err := watch(h.start("train lm --text text.txt --cell lstm --hidden 512 --layers 2 --batch 128 --seq 64 " +
		"--threads 1 --steps 1000000 --checkpoint-every 1 --out run"))
	if !r.must(err) {
		return
	}
	if !trial.Until(patience/2, 2*time.Millisecond, func() bool { return trial.Exists(h.path("run", "last")) || isDone(w.done) }) || isDone(w.done) {
		w.Process.Kill()
		r.check(false, "nothing was saved: %v", w.end())
		return
	}
	// A step has begun when the one before has been logged; the checkpoint between them has been written some
	// time after that.
	before := ""
	trial.Until(patience/4, 2*time.Millisecond, func() bool {
		step, err := whole(h.path("run", "last"))
		losses, lerr := h.losses("run")
		before = fmt.Sprint(step)
		return err == nil && lerr == nil && step == len(losses) && len(h.strays("run")) == 0 &&
			!trial.Exists(h.path("run", ".last.old"))
	})
	w.Process.Signal(syscall.SIGINT)
	if !trial.Until(5*time.Second, 2*time.Millisecond, func() bool { return w.said("stopping after this step") }) {
		w.Process.Kill()
		r.check(false, "no answer to the first INT: %v", w.end())
		return
	}
	time.Sleep(1100 * time.Millisecond)
	w.Process.Signal(syscall.SIGINT)
	begin := time.Now()
	o := w.end()
	took := time.Since(begin)
	r.ended(o, exitStopped, "stopped at once: the last checkpoint is whole")
	r.check(took < time.Second, "it took %v", took)
	step, err := whole(h.path("run", "last"))
	r.check(err == nil && fmt.Sprint(step) == before, "step %s was saved; then step %d, %v", before, step, err)
}

// twoTrainers starts a second training where one is running.
func twoTrainers(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	w, err := watch(h.start(small + endless + " --out run"))
	if !r.must(err) {
		return
	}
	trial.Until(patience/4, 2*time.Millisecond, func() bool { return trial.Exists(h.path("run", "last")) || isDone(w.done) })
	for _, more := range []string{"", " --overwrite", " --resume never"} {
		r.ended(h.unroll(small+endless+" --out run"+more), exitNoOutput,
			fmt.Sprintf("process %d trains there", w.Process.Pid))
	}
	r.check(!isDone(w.done), "the first has ended: %d", w.code)
	w.Process.Signal(syscall.SIGKILL)
	w.end()
	_, err = whole(h.path("run", "last"))
	r.must(err)
	r.ended(h.unroll(small+" --steps 5 --overwrite --out run"), 0) // the lock of the killed one is free
}

// closedStdout gives a training nobody who listens: a reader that goes away, and no stdout at all.
func closedStdout(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	r.ended(h.unroll(small+" --steps 300 --out straight"), 0)
	for i, line := range []string{
		"{ unroll " + small + " --steps 300 --log-every 1 --out run0; echo $? > code0; } | head -n 1",
		"{ unroll " + small + " --steps 300 --log-every 1 --json --out run1; echo $? > code1; } | head -n 1",
		"unroll " + small + " --steps 300 --log-every 1 --out run2 >&-; echo $? > code2",
		"unroll " + small + " --steps 300 --log-every 1 --out run3 > /dev/full; echo $? > code3",
		"unroll " + small + " --steps 300 --log-every 1 --out run4 >&- 2>&-; echo $? > code4",
	} {
		o := h.shell(line)
		code, err := os.ReadFile(h.path(fmt.Sprint("code", i)))
		r.check(err == nil && string(code) == "0\n", "%s: exit code %s: %s", line, code, o.stderr)
		r.must(h.sameRun("straight", fmt.Sprint("run", i)))
	}
}

// hangUp gives a training a terminal, and takes it away.
func hangUp(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	const steps = 4000
	rarely := strings.Replace(small, "--valid-every 50", "--valid-every 500", 1)
	r.ended(h.unroll(fmt.Sprintf("%s --steps %d --out straight", rarely, steps)), 0)
	controller, terminal, err := openTerminal()
	if err != nil {
		r.leaveOut("no terminal can be made: %v", err)
		r.tried = 0
		return
	}
	cmd := h.start(fmt.Sprintf("%s --steps %d --out run", rarely, steps))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if !r.must(cmd.Start()) {
		return
	}
	terminal.Close()
	ended := make(chan int, 1)
	go func() { ended <- codeOf(cmd.Wait()) }()
	shown := make([]byte, 100)
	n, _ := controller.Read(shown)
	r.check(n > 0, "it shows nothing")
	trial.Until(patience/4, 2*time.Millisecond, func() bool { return trial.Exists(h.path("run", "best")) || len(ended) > 0 })
	controller.Close() // the kernel sends HUP to the session, and every write fails from now on
	done, err := whole(h.path("run", "best"))
	r.check(err == nil && done < steps, "it was done before the terminal hung up: step %d, %v", done, err)
	code := <-ended
	r.check(code == 0, "exit code %d", code)
	r.must(h.sameRun("straight", "run"))
}

// openTerminal makes a pair of pseudo terminals.
func openTerminal() (controller, terminal *os.File, err error) {
	controller, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetPointerInt(int(controller.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(controller.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	return controller, terminal, err
}

func noCUDA(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(100))
	for _, device := range []string{"cpu", "auto"} {
		r.ended(h.unroll(small+" --steps 3 --device "+device+" --out "+device), 0)
		_, err := whole(h.path(device, "last"))
		r.must(err)
	}
	r.note("out of memory on a GPU needs a GPU")
	if !strings.Contains(h.unroll("train lm --help").stdout, "cuda") {
		r.note("this build knows no device cuda")
		return
	}
	o := h.unroll(small + " --steps 3 --device cuda --out cuda")
	if o.code == 0 {
		r.note("there is a GPU")
		return
	}
	r.ended(o, exitNoDevice, "cuda")
	r.check(!trial.Exists(h.path("cuda")), "it left a folder behind")
}
