//go:build linux

// Command faults does to unroll what can go wrong, and says whether what was promised was kept.
//
//	go run ./bench/faults [--long] [--only WORDS] [--unroll FILE]
//
// Every row of its table is a fault and a promise: it is tried against the command as it is built, as a process
// of its own, so often, and so often it lost something. It ends with exit code 1 if any row did. The short form
// takes under a minute, the long one kills 200 times and trains 10,000 steps. Disks that are full and folders
// that are read-only need root, to mount them; without, those rows say that they were left out.
//
// This package must know of the command only what a user can see: flags, files, exit codes, signals and
// messages. It reads checkpoints and logs with the packages that unroll offers for that.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureArg {
		os.Exit(measure(os.Args[2:]))
	}
	h := &harness{}
	flag.BoolVar(&h.long, "long", false, "try more often and for longer")
	flag.StringVar(&h.command, "unroll", "", "the command to try; without it, it is built")
	only := flag.String("only", "", "only rows whose fault contains this")
	flag.Parse()
	ok, err := h.main(os.Stdout, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func (h *harness) main(w io.Writer, only string) (ok bool, err error) {
	work, err := os.MkdirTemp("", "unroll-faults-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	h.work = work
	if h.self, err = os.Executable(); err != nil {
		return false, err
	}
	if err := trial.Build(&h.command, filepath.Join(work, "unroll"), ""); err != nil {
		return false, err
	}
	h.tests = filepath.Join(work, "checkpoint.test")
	if out, err := exec.Command("go", "test", "-c", "-o", h.tests,
		module+"/trainer/checkpoint").CombinedOutput(); err != nil {
		return false, fmt.Errorf("go test -c: %v: %s", err, out)
	}
	return h.report(w, only)
}

const module = "github.com/unroll-ml/unroll"

// rows are the faults, in the order of the table of promises.
var rows = []row{
	{"kill -9 at random times", "the newest checkpoint loads; resumed, the same bytes as uninterrupted, each step logged once", kills, true},
	{"INT, TERM, USR1", "finishes the step, saves, prints how to continue, 75; continued, the same bytes", stops, false},
	{"a second INT", "ends at once, 75, the last checkpoint untouched", secondInterrupt, false},
	{"disk full (1 MB tmpfs)", "74 with bytes needed and free, the old checkpoint whole, no temporary files; with room, it goes on", fullDisk, false},
	{"file size limit", "74, the old checkpoint whole, no temporary files", fileSizeLimit, false},
	{"any call to the disk fails, or is the last", "the old checkpoint or the new, whole; nothing removed before its successor is durable", failingCalls, false},
	{"checkpoint cut off or a bit flipped", "65 with file and tensor", damage, false},
	{"damage found at resume", "back to the newest whole one, not in silence; none whole: 65, nothing is changed", damagedResume, false},
	{"header bombs", "65 within 1 s and 64 MB", bombs, false},
	{"hostile run folders", "one line and the promised exit code within 5 s and 1 GB; no byte of a bystander changes", hostileRuns, false},
	{"data that become far more in memory", "65 with the way out, within 5 s and 1 GB", dataBombs, false},
	{"training that diverges", "80 with step, gradient norm and first bad tensor; never best or last", divergence, false},
	{"bad text, table, folder, pairs, images", "65 with file and line, missing ones 66; BOM and CRLF are fine", badInputs, false},
	{"checkpoint, vocabulary or settings of another run", "65 before the first step, with both sides", mismatches, false},
	{"no CUDA", "cpu and auto train; cuda: 69 with what was found and is needed", noCUDA, false},
	{"two trainers on one folder", "the second: 73 with the PID of the first", twoTrainers, false},
	{"read-only folder", "73 before data are read", readOnly, false},
	{"stdout closed", "training goes on, the log is whole", closedStdout, false},
	{"terminal hung up", "training goes on, the log is whole", hangUp, false},
	{"downloads interrupted or changed", "goes on where it was, installs only what is right, else 65", downloads, false},
	{"many steps", "memory, goroutines and open files flat", endurance, false},
	{"a checkpoint every minute", "less than 1% of the time, of a language model of 2 LSTM layers of 512", overhead, true},
}

// row is a fault, what is promised, and how to try it.
type row struct {
	fault, promise string
	try            func(h *harness, r *record)
	onDisk         bool // it is about the time that writing takes
}

// folder makes the folder of a row, in memory if there is a place for it: a disk that others use would be most
// of what the time is spent on.
func (h *harness) folder(row row) (string, error) {
	parent := h.work
	if !row.onDisk && os.Getenv("TMPDIR") == "" {
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			parent = "/dev/shm"
		}
	}
	return os.MkdirTemp(parent, "unroll-faults-row-")
}

// record is what came of a row.
type record struct {
	tried int
	what  string // that was tried
	lost  []string
	why   string // it was left out, if nothing was tried
	notes []string
}

// check counts one try.
func (r *record) check(kept bool, format string, args ...any) bool {
	r.tried++
	if !kept {
		r.lost = append(r.lost, fmt.Sprintf(format, args...))
	}
	return kept
}

// must counts a try that fails with an error.
func (r *record) must(err error) bool { return r.check(err == nil, "%v", err) }

func (r *record) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *record) leaveOut(format string, args ...any) { r.why = fmt.Sprintf(format, args...) }

// verdict is one word; a row that tried nothing and does not say why has lost.
func (r *record) verdict() string {
	switch {
	case len(r.lost) > 0:
		return "LOST"
	case r.tried > 0:
		return "kept"
	case r.why != "":
		return "left out"
	}
	return "LOST"
}

// report carries out the rows and prints each as it is done.
func (h *harness) report(w io.Writer, only string) (ok bool, err error) {
	fmt.Fprintln(w, "| fault | promise | tried | lost | verdict |\n|---|---|---|---|---|")
	ok = true
	begin, rowsTried := time.Now(), 0
	for _, row := range rows {
		if !strings.Contains(row.fault, only) {
			continue
		}
		rowsTried++
		r := &record{}
		if h.dir, err = h.folder(row); err != nil {
			return false, err
		}
		began := time.Now()
		row.try(h, r)
		tried := fmt.Sprintf("%d", r.tried)
		if r.what != "" {
			tried += " " + r.what
		}
		if r.why != "" {
			r.notes = append([]string{r.why}, r.notes...)
		}
		if len(r.notes) > 0 {
			tried += " (" + strings.Join(r.notes, "; ") + ")"
		}
		fmt.Fprintf(w, "| %s | %s | %s, %.1f s | %d | %s |\n", row.fault, row.promise, tried, time.Since(began).Seconds(),
			len(r.lost), r.verdict())
		for _, l := range r.lost {
			fmt.Fprintf(w, "  lost: %s\n", strings.ReplaceAll(l, "\n", "\n        "))
		}
		ok = ok && r.verdict() != "LOST"
		if err := os.RemoveAll(h.dir); err != nil {
			return false, err
		}
	}
	if rowsTried == 0 {
		return false, fmt.Errorf("no row has %q", only)
	}
	fmt.Fprintf(w, "\n%d rows in %.0f s\n", rowsTried, time.Since(begin).Seconds())
	return ok, nil
}
