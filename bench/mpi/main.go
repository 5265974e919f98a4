//go:build linux

// Command mpi trains with several processes under mpirun, does to them what can go wrong, and says whether what was
// promised was kept.
//
//	go run ./bench/mpi [-only WORDS] [-times N] [-unroll FILE]
//	go run ./bench/mpi -scale N     # how much faster two processes are than one: needs a quiet machine
//
// It needs mpirun of Open MPI or of MPICH, and tries those that it finds; a disk that is full needs root, to mount it.
// Every row is what was done and what was promised; the exit code is 1 if a promise was not kept. All rows take about ten
// minutes on two processors, of which the one with a process that is stopped takes one and a half.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// launcher starts processes.
type launcher struct {
	name string
	args []string // before the number of processes
	next string   // between programs that differ
}

// launchers are those of two MPIs. Processes wait in turns, because there may be fewer processors.
var launchers = []launcher{
	{"Open MPI", []string{"mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"}, ":"},
	{"MPICH", []string{"mpirun.mpich"}, ":"},
}

// harness is what rows have in common.
type harness struct {
	launcher
	unroll, work string
	times        int // to kill
	rounds       int // of measuring; 0: none
}

// row is something that is done, and what was promised.
type row struct {
	name string
	try  func(h *harness, dir string) error
}

var rows = []row{
	{"2 processes train as 1, to the bit, for all tasks", (*harness).equal},
	{"4 processes train as 1, to rounding, for all tasks", (*harness).close},
	{"4, then 2, then 1 process go on with one run", (*harness).goOn},
	{"kill -9 of any process: no hang, and what follows is as if nothing had happened", (*harness).kill},
	{"USR1 to one process stops all, with one checkpoint and code 75", (*harness).signal},
	{"a full disk of the first process is code 74, and nothing is lost", (*harness).full},
	{"a process that is stopped is noticed: the others say what they wait for, code 69", (*harness).stop},
	{"settings that differ are code 65, parts that cannot be shared code 2", (*harness).refuse},
	{"a line of a grid whose run is finished is done: code 0", (*harness).finished},
}

func main() {
	h := &harness{}
	only := flag.String("only", "", "only rows that contain this")
	flag.IntVar(&h.times, "times", 20, "how often to kill")
	flag.IntVar(&h.rounds, "scale", 0, "measure how training speeds up, in so many rounds, and try no rows")
	flag.StringVar(&h.unroll, "unroll", "", "the command, built with -tags mpi; without it, it is built")
	flag.Parse()
	ok, err := h.main(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mpi:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func (h *harness) main(only string) (ok bool, err error) {
	if h.work, err = os.MkdirTemp("", "unroll-mpi-"); err != nil {
		return false, err
	}
	defer os.RemoveAll(h.work)
	if err := trial.Build(&h.unroll, filepath.Join(h.work, "unroll"), "mpi"); err != nil {
		return false, err
	}
	ok = true
	tried := 0
	for _, l := range launchers {
		if _, err := exec.LookPath(l.args[0]); err != nil {
			fmt.Printf("left out: %s is not installed\n", l.args[0])
			continue
		}
		tried++
		h.launcher = l
		if h.rounds > 0 {
			return true, h.scale()
		}
		for i, r := range rows {
			if !strings.Contains(r.name, only) {
				continue
			}
			begin := time.Now()
			dir := filepath.Join(h.work, fmt.Sprint(tried, "-", i))
			if err := os.Mkdir(dir, 0o777); err != nil {
				return false, err
			}
			err := r.try(h, dir)
			kept := "kept"
			if err != nil {
				kept, ok = "BROKEN: "+err.Error(), false
			}
			fmt.Printf("%-8s  %s  (%.0f s): %s\n", l.name, r.name, time.Since(begin).Seconds(), kept)
		}
	}
	if tried == 0 {
		return false, errors.New("there is no mpirun: install openmpi-bin, or mpich")
	}
	return ok, nil
}

// tasks are the flags of a small training of each kind, with all that depends on a whole batch.
var tasks = map[string]string{
	"lm":       "lm --cell lstm --hidden 16 --layers 2 --dropout 0.3 --batch 4 --seq 16 --clip 0.1 --ema 0.9",
	"seq2seq":  "seq2seq --task dates --hidden 16 --batch 8 --dropout 0.3 --teacher-forcing 0.5 --clip 0.1 --schedule plateau",
	"classify": "classify --table DIR/table.tsv --hidden 16 --batch 5 --clip 0.1",
	"regress":  "regress --task adding --hidden 16 --batch 6 --clip 0.1 --dropout 0.2",
	"tag":      "tag --task places --hidden 16 --batch 6 --clip 0.1 --patience 9",
	"forecast": "forecast --series DIR/series.csv --hidden 16 --batch 8 --horizon 4 --clip 0.1",
}

// command is a training in a folder.
func (h *harness) command(dir, task, more string) []string {
	return append(append([]string{"train"}, strings.Fields(strings.ReplaceAll(tasks[task]+" "+more, "DIR", h.work))...),
		"--threads", "1", "--out", dir)
}

// data writes what tasks read.
func (h *harness) data() error {
	var table, series strings.Builder
	series.WriteString("time,value\n")
	for i := range 300 {
		fmt.Fprintf(&table, "text %d\t%s\n", i*i, []string{"even", "odd"}[i%2])
		fmt.Fprintf(&series, "%s,%.3f\n", time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), 10+math.Sin(float64(i)))
	}
	if err := os.WriteFile(filepath.Join(h.work, "table.tsv"), []byte(table.String()), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.work, "series.csv"), []byte(series.String()), 0o666)
}

// alone trains in one process.
func (h *harness) alone(args []string) error {
	if out, err := exec.Command(h.unroll, args...).CombinedOutput(); err != nil {
		return errors.Errorf("%v: %v: %s", args, err, out)
	}
	return nil
}

// together makes the command that trains with so many processes; where the last is to be another, last has its arguments.
func (h *harness) together(ctx context.Context, n int, args []string, last ...string) *exec.Cmd {
	program := func(n int, args []string) []string {
		return append(append([]string{"-n", strconv.Itoa(n), h.unroll}, args...), "--mpi")
	}
	line := append(slices.Clone(h.args), program(n, args)...)
	if last != nil {
		line = append(append(slices.Clone(h.args), program(n-1, args)...), h.next)
		line = append(line, program(1, last)...)
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// longest is how long a training of this program takes at most: one that takes longer hangs.
const longest = 3 * time.Minute

// run trains with so many processes, and gives what they say and their exit code. while is called when they are there.
func (h *harness) run(n int, args []string, while func(out string) error, last ...string) (said string, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	cmd := h.together(ctx, n, args, last...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	var failed error
	if while != nil {
		failed = while(args[len(args)-1])
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		for _, p := range processes(h.unroll) {
			syscall.Kill(p, syscall.SIGKILL)
		}
		return out.String(), 0, errors.Errorf("it hangs; said was: %s", out.String())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return "", 0, err
	}
	return out.String(), cmd.ProcessState.ExitCode(), failed
}

// finish is run of what must come to its end.
func (h *harness) finish(n int, args []string) error {
	out, code, err := h.run(n, args, nil)
	if err == nil && code != 0 {
		err = errors.Errorf("exit code %d: %s", code, out)
	}
	return err
}

// processes are those of a program.
func processes(program string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		line, err := os.ReadFile(path)
		if name, _, _ := bytes.Cut(line, []byte{0}); err != nil || string(name) != program {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// await waits until so many processes take steps: the log of the run has some.
func (h *harness) await(dir string, n, steps int) ([]int, error) {
	var pids []int
	if !trial.Until(time.Minute, 5*time.Millisecond, func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "log.jsonl"))
		pids = processes(h.unroll)
		return len(pids) == n && bytes.Count(log, []byte(`"event":"step"`)) >= steps
	}) {
		return nil, errors.Errorf("no step was taken by %d processes", n)
	}
	return pids, nil
}

// tensors are those of the last checkpoint of a run.
func tensors(dir string) ([]checkpoint.Tensor, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := checkpoint.In(root).Open("last")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	weights, err := f.Weights()
	if err != nil {
		return nil, err
	}
	state, err := f.Optimizer()
	return append(weights, state...), err
}

// apart is the largest difference of the last checkpoints of two runs; an error if they do not hold the same tensors.
func apart(a, b string) (most float64, err error) {
	x, err := tensors(a)
	if err != nil {
		return 0, err
	}
	y, err := tensors(b)
	if err != nil {
		return 0, err
	}
	if len(x) != len(y) {
		return 0, errors.Errorf("%d tensors and %d", len(x), len(y))
	}
	for i := range x {
		v, w := x[i].Data.([]float32), y[i].Data.([]float32)
		if x[i].Name != y[i].Name || len(v) != len(w) {
			return 0, errors.Errorf("%s and %s", x[i].Name, y[i].Name)
		}
		for k := range v {
			if d := math.Abs(float64(v[k] - w[k])); !(d <= most) {
				most = d
			}
		}
	}
	return most, nil
}

// seconds are the times that a log has, which no two trainings share.
var seconds = regexp.MustCompile(`"seconds":[^,}]*`)

// validations are those in the log of a run, but for when they were. That before the first step is left out: it may take
// too long for its limit.
func validations(run string) string {
	log, err := os.ReadFile(filepath.Join(run, "log.jsonl"))
	if err != nil {
		return ""
	}
	var all []byte
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`"event":"valid"`)) && !bytes.Contains(line, []byte(`"step":0,`)) {
			all = append(all, seconds.ReplaceAll(line, nil)...)
		}
	}
	return string(all)
}

// random is the same in each run of this program.
var random = rand.New(rand.NewPCG(1, 1))
