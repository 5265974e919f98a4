//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/internal/runlog"
)

// endurance trains for long and compares what the process holds early and late.
func endurance(h *harness, r *record) {
	steps := 2000
	if h.long {
		steps = 10000
	}
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	w, err := watch(h.start(fmt.Sprintf("%s --steps %d --checkpoint-every 100 --keep 3 --tensorboard --out run", small,
		100*steps)))
	if !r.must(err) {
		return
	}
	at := func(step int) (rss, files, threads int, ok bool) {
		reached := trial.Until(patience, 2*time.Millisecond, func() bool {
			last, err := whole(h.path("run", "last"))
			return isDone(w.done) || err == nil && last >= step
		})
		if !reached || isDone(w.done) {
			return 0, 0, 0, false
		}
		return w.status("VmRSS:") << 10, w.open(), w.status("Threads:"), true
	}
	rss1, files1, threads1, ok1 := at(steps / 5)
	rss2, files2, threads2, ok2 := at(steps)
	if !r.check(ok1 && ok2, "it did not come to step %d", steps) {
		w.Process.Kill()
		w.end()
		return
	}
	r.check(rss2 < rss1+rss1/4+1<<20, "resident memory went from %d to %d bytes", rss1, rss2)
	r.check(files2 <= files1+2, "open files went from %d to %d", files1, files2) // some are open while it saves
	late := w.goroutines()
	// What goroutines there are a process says once, as it ends: another one says it of the early days.
	early := 0
	if w, err = watch(
		h.start(small + " --steps 1000000 --checkpoint-every 100 --keep 3 --tensorboard --out early"),
	); r.must(err) {
		trial.Until(patience, 2*time.Millisecond, func() bool { return isDone(w.done) || trial.Exists(h.path("early", "last")) })
		early = w.goroutines()
	}
	r.check(early > 0 && late <= early+2, "goroutines went from %d to %d", early, late)
	r.note("steps %d and %d: %.1f and %.1f MB, %d and %d threads, %d and %d files; %d and %d goroutines",
		steps/5, steps, float64(rss1)/1e6, float64(rss2)/1e6, threads1, threads2, files1, files2, early, late)
}

// goroutines ends a process with the signal that lets it list them.
func (w *watched) goroutines() int {
	w.Process.Signal(syscall.SIGQUIT)
	return strings.Count(w.end().stderr, "\ngoroutine ")
}

// status is a number of /proc/PID/status.
func (w *watched) status(field string) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(w.Process.Pid), "status"))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		if f := strings.Fields(string(line)); len(f) > 1 && f[0] == field {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

// open is the number of files that a process has open.
func (w *watched) open() int {
	entries, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(w.Process.Pid), "fd"))
	return len(entries)
}

// overhead is the time of a checkpoint by the clock of the training: of two steps that follow each other, the
// second is logged later if a checkpoint is saved in between.
func overhead(h *harness, r *record) {
	const every = 4
	steps := 24
	if h.long {
		steps = 120
	}
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	if !r.ended(h.unroll(fmt.Sprintf("train lm --text text.txt --cell lstm --hidden 512 --layers 2 --embed 0 --batch 8 "+
		"--seq 16 --steps %d --checkpoint-every %d --valid-every 100000 --out run", steps+2, every)), 0) {
		return
	}
	entries, err := runlog.Read(h.path("run", "log.jsonl"))
	if !r.must(err) {
		return
	}
	var gaps [2][]float64 // without and with a checkpoint
	before := 0.0
	for _, e := range entries {
		var step struct {
			Seconds float64 `json:"seconds"`
		}
		if err := json.Unmarshal(e.Line, &step); e.Event != "step" || err != nil || e.Step > steps+1 {
			continue
		}
		with := 0
		if (e.Step-1)%every == 0 {
			with = 1
		}
		if e.Step > 1 {
			gaps[with] = append(gaps[with], step.Seconds-before)
		}
		before = step.Seconds
	}
	if !r.check(len(gaps[0]) > 0 && len(gaps[1]) > 0, "the log has %d steps", len(entries)) {
		return
	}
	for _, g := range gaps {
		slices.Sort(g)
	}
	bytes := int64(0)
	for _, name := range checkpointFiles {
		if info, err := os.Stat(h.path("run", "last", name)); r.must(err) {
			bytes += info.Size()
		}
		r.tried--
	}
	step, saving := gaps[0][0], gaps[1][0]-gaps[0][0] // the least disturbed by others
	if saving >= 0.6 && busy() {
		r.tried = 0
		r.leaveOut("%.0f processes at a time want %d processors: a time says nothing", loadAverage(), runtime.NumCPU())
	} else {
		r.check(saving < 0.6, "a checkpoint takes %.2f s", saving)
	}
	r.note("%.1f MB in %.3f s, the least of %d: %.2f%% of a minute; a step takes %.3f s", float64(bytes)/1e6, saving,
		len(gaps[1]), saving/60*100, step)
}

// busy says that others want the processors so much that times say little.
func busy() bool { return loadAverage() > 2*float64(runtime.NumCPU()) }

// loadAverage is how many processes wanted to run in the last minute.
func loadAverage() (load float64) {
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Sscan(string(data), &load)
	}
	return load
}
