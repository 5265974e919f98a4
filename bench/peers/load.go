package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of the machine's processor times in Linux's /proc, in ms.
const tick = 10

// cpuTime is the processor time that the threads of a process have used, in ms, up to the system's last tick; 0 where
// Linux's /proc does not tell.
func cpuTime(pid int) float64 {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid)) // the pattern is well formed
	ns := 0.0
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil { // the thread may have ended
			ns += number(bytes.Fields(data), 0)
		}
	}
	return ns / 1e6
}

// machineTime is the processor time that the whole machine has used, in ms.
func machineTime() (ms float64, ok bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(bytes.SplitN(data, []byte{'\n'}, 2)[0])
	// user, nice, system, irq, softirq; not idle, iowait, and what virtual machines steal
	for _, i := range []int{1, 2, 3, 6, 7} {
		ms += tick * number(fields, i)
	}
	return ms, true
}

func number(fields [][]byte, i int) float64 {
	if i >= len(fields) {
		return 0
	}
	x, _ := strconv.ParseFloat(string(fields[i]), 64) // 0 for what is none
	return x
}

// load watches what the machine does beside the contenders.
type load struct {
	pids     []int
	start    time.Time
	all, own float64
	known    bool
}

func newLoad(es []*entry) *load {
	l := &load{pids: []int{os.Getpid()}, start: time.Now()}
	seen := map[*process]bool{}
	for _, e := range es {
		if !seen[e.process] {
			seen[e.process] = true
			l.pids = append(l.pids, e.process.command.Process.Pid)
		}
	}
	l.all, l.known = machineTime()
	l.own = l.used()
	return l
}

func (l *load) used() float64 {
	sum := 0.0
	for _, pid := range l.pids {
		sum += cpuTime(pid)
	}
	return sum
}

// others is how many cores other processes have kept busy; -1 if that is unknown.
func (l *load) others() float64 {
	all, ok := machineTime()
	if !ok || !l.known {
		return -1
	}
	return max(0, all-l.all-(l.used()-l.own)) / (time.Since(l.start).Seconds() * 1e3)
}
