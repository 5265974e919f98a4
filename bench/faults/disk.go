//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

// mounted mounts something for as long as f runs; false, with a note, if that is not possible.
func mounted(r *record, source, target, kind string, flags uintptr, data string, f func()) bool {
	if err := os.MkdirAll(target, 0o755); err != nil {
		r.check(false, "%v", err)
		return false
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		r.leaveOut("%s cannot be mounted (%v), which needs root", kind, err)
		return false
	}
	defer unix.Unmount(target, unix.MNT_DETACH)
	f()
	return true
}

// fullDisk trains on a disk that gets full, at the first checkpoint and at a later one, and then gives it more room.
func fullDisk(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	tmpfs := func(name string, f func()) bool {
		return mounted(r, "tmpfs", h.path(name), "tmpfs", 0, "size=1m", f)
	}
	reports := func(o *outcome) {
		var need, free int64
		m := regexp.MustCompile(`no space left on device: (\d+) bytes are needed, (\d+) are free`).FindStringSubmatch(
			o.last(),
		)
		if r.check(m != nil, "%v; want the bytes that are needed and free", o) {
			need, _ = strconv.ParseInt(m[1], 10, 64)
			free, _ = strconv.ParseInt(m[2], 10, 64)
			r.check(need > 0 && free <= 1<<20, "%d bytes needed, %d free", need, free)
		}
	}
	for _, c := range []struct{ name, args, full string }{
		{"checkpoint", strings.Replace(small, "--hidden 24", "--hidden 64", 1) + " --checkpoint-every 5", "checkpoint/run/"}, // five of 200 kB do not fit
		{"log", strings.Replace(small, "--valid-every 50", "--valid-every 1000000", 1) + " --checkpoint-every 2000", "log/run/log.jsonl"},
	} {
		ok := tmpfs(c.name, func() {
			run := c.name + "/run"
			o := h.unroll(c.args + " --steps 100000000 --keep 3 --out " + run)
			if !r.ended(o, exitIO, c.full, "what was saved before is whole: make room and continue with "+h.command+" ") {
				return
			}
			reports(o)
			step, err := whole(h.path(run, "last"))
			r.must(err)
			r.check(len(h.strays(c.name)) == 0, "left behind: %v", h.strays(c.name))
			r.must(unix.Mount("", h.path(c.name), "", unix.MS_REMOUNT, "size=16m"))
			_, command, _ := strings.Cut(o.last(), "continue with ")
			r.ended(h.shell(strings.Replace(command, "100000000", strconv.Itoa(step+7), 1)), 0)
			r.ended(h.unroll(fmt.Sprintf("%s --steps %d --out straight%s", c.args, step+7, c.name)), 0)
			r.must(h.sameRun("straight"+c.name, run))
		})
		if !ok {
			return
		}
	}
	tmpfs("first", func() {
		o := h.unroll(strings.Replace(small, "--hidden 24", "--hidden 256", 1) + endless + " --out first/run")
		if r.ended(o, exitIO, "make room and continue with "+h.command+" ") {
			reports(o)
		}
		r.check(len(h.strays("first")) == 0, "left behind: %v", h.strays("first"))
		r.check(!trial.Exists(h.path("first/run/last")), "there is a checkpoint that cannot be")
	})
}

// fileSizeLimit makes writes fail in the middle of a file. The limit leaves room for the log.
func fileSizeLimit(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	r.ended(h.unroll(small+" --steps 10 --out run"), 0)
	before, err := whole(h.path("run/last"))
	r.must(err)
	// of 512 or of 1024 bytes: the weights take 12,696, the optimizer 26,036, config.yaml 8,200 and the log 5,000
	for _, blocks := range []int{20, 24} {
		o := h.shell(fmt.Sprintf("ulimit -f %d && unroll %s --steps 20 --out run", blocks, small))
		r.ended(o, exitIO, "file too large: ", " bytes are needed, ",
			"what was saved before is whole: make room and continue with "+h.command+" ")
		after, err := whole(h.path("run/last"))
		r.check(err == nil && after == before, "step %d was saved; then step %d, %v", before, after, err)
		r.check(len(h.strays("run")) == 0, "left behind: %v", h.strays("run"))
	}
}

// failingCalls lets every call to the disk fail, in the test of package checkpoint that stands in for the disk:
// a process can be killed and its disk filled, but only from inside can the n-th call be chosen, for every n.
func failingCalls(h *harness, r *record) {
	r.what = "failing calls"
	out, err := exec.Command(h.tests, "-test.run", "^TestEveryCallFails$", "-test.v").CombinedOutput()
	m := regexp.MustCompile(`(\d+) faults, at each of up to (\d+) calls`).FindStringSubmatch(string(out))
	if !r.check(err == nil && m != nil, "%v: %s", err, out) {
		return
	}
	r.tried, _ = strconv.Atoi(m[1])
	r.note("each of up to %s calls of a save: alone, with all writes after it, and as the last of the process", m[2])
}

// readOnly trains into a folder that cannot be written, whatever permissions root has. The text does not exist:
// that would be said if it were read.
func readOnly(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	h.write("there/notes.txt", "")
	r.ended(h.unroll(small+" --steps 5 --out there/run"), 0)
	before, err := whole(h.path("there/run/last"))
	r.must(err)
	ok := mounted(r, h.path("there"), h.path("seen"), "bind", unix.MS_BIND, "", func() {
		if !r.must(unix.Mount("", h.path("seen"), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")) {
			return
		}
		for _, out := range []string{"seen/new", "seen/run"} {
			r.ended(h.unroll(strings.Replace(small, "text.txt", "none.txt", 1)+" --steps 5 --out "+out), exitNoOutput,
				out+" cannot be written (read-only file system)")
		}
		// which is seen first
		r.ended(h.unroll(small+" --steps 5 --out seen"), exitNoOutput, "seen holds notes.txt and no run")
		r.ended(h.unroll("eval seen/run"), 0) // reading needs no writing
	})
	if !ok {
		r.tried = 0
		return
	}
	after, err := whole(h.path("there/run/last"))
	r.check(err == nil && after == before, "step %d, then %d, %v", before, after, err)
	names, _ := filepath.Glob(h.path("there", "*"))
	r.check(len(names) == 2, "made %v", names)
}
