// Package collective measures what it costs to sum gradients over processes, and predicts from that how well a training
// can be spread.
package collective

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/parallel"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Flags say which training is to be spread.
type Flags struct {
	Run     string  `placeholder:"DIR" help:"A run of one process: how long its steps take, how many weights it has and how many steps an epoch."`
	StepMS  float64 `name:"step-ms" placeholder:"MS" help:"Milliseconds of a step of one process, in place of those of --run."`
	Weights int     `placeholder:"N" help:"Numbers of the model, in place of those of --run."`
	Quick   bool    `help:"Measure for a shorter time."`
	JSON    bool    `name:"json" help:"Write JSON instead of a table."`
}

// The sizes of the sums that are measured, in bytes, and for how long each.
const (
	smallest = 1 << 10
	largest  = 64 << 20
)

// fewest is how often a size is measured at least.
const fewest = 5

// Measure times sums of each size over all processes, each for so long: the median on rank 0.
func Measure(world parallel.Communicator, each time.Duration) (timings []Timing, err error) {
	for bytes := smallest; bytes <= largest; bytes *= 4 {
		x := make([]float32, bytes/4)
		var took []time.Duration
		for total := time.Duration(0); ; {
			if _, err := world.Vote(0); err != nil { // all begin together
				return nil, err
			}
			begin := time.Now()
			if err := world.Sum(x); err != nil {
				return nil, err
			}
			d := time.Since(begin)
			took, total = append(took, d), total+d
			more := uint32(0)
			if world.Rank() == 0 && (total < each || len(took) < fewest) {
				more = 1
			}
			if more, err = world.Vote(more); err != nil {
				return nil, err
			} else if more == 0 {
				break
			}
		}
		slices.Sort(took)
		timings = append(timings, Timing{bytes, took[len(took)/2]})
	}
	return timings, nil
}

// work is the training that flags name.
func (f *Flags) work() (w Work, err error) {
	if f.Run != "" {
		if w, err = workOf(f.Run); err != nil {
			return w, err
		}
	}
	if f.StepMS > 0 {
		w.Step = time.Duration(f.StepMS * float64(time.Millisecond))
	}
	if f.Weights > 0 {
		w.Gradient = 4 * f.Weights
	}
	if w.Step <= 0 || w.Gradient <= 0 {
		return w, &run.SettingsError{What: "which training? `run` names the folder of one that has taken a few steps, or `step_ms` " +
			"and `weights` say what it is like"}
	}
	return w, nil
}

// workOf is that of a run.
func workOf(dir string) (w Work, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return w, run.NewInputError("`run`", err)
	}
	defer root.Close()
	f, err := checkpoint.In(root).Open(run.Last)
	if err != nil {
		return w, run.NewInputError("`run`", err)
	}
	defer f.Close()
	weights, err := f.Weights()
	if err != nil {
		return w, err
	}
	for _, t := range weights {
		w.Gradient += 4 * len(t.Data.([]float32))
	}
	log, err := root.ReadFile(run.LogName)
	if err != nil {
		return w, run.NewInputError("`run`", err)
	}
	w.Step, w.Epoch = steps(string(log))
	return w, nil
}

// steps are how long a step takes in a log, the median, and how many an epoch has, 0 if the first has not ended.
func steps(log string) (took time.Duration, epoch int) {
	var seconds []float64
	before := run.StepRecord{}
	for line := range strings.Lines(log) {
		var r run.StepRecord
		if json.Unmarshal([]byte(line), &r) != nil || r.Event != "step" {
			before = run.StepRecord{} // other things took time, too
			continue
		}
		if before.Step > 0 && r.Step == before.Step+1 {
			seconds = append(seconds, r.Seconds-before.Seconds)
		}
		if r.Epoch == 2 && epoch == 0 {
			epoch = r.Step - 1
		}
		before = r
	}
	if len(seconds) == 0 {
		return 0, epoch
	}
	slices.Sort(seconds)
	return time.Duration(seconds[len(seconds)/2] * float64(time.Second)), epoch
}

// result is what is said in JSON.
type result struct {
	Processes   int              `json:"processes"`
	Latency     runlog.Float     `json:"latency_us"`
	Bandwidth   runlog.Float     `json:"bandwidth_gb_per_s"`
	Timings     []map[string]any `json:"timings"`
	Step        runlog.Float     `json:"step_ms"`
	Gradient    int              `json:"gradient_bytes"`
	Predictions []map[string]any `json:"predictions"`
}

// Report measures, and writes what it found on rank 0.
func (f *Flags) Report(world parallel.Communicator, to io.Writer) error {
	work, err := f.work()
	if err != nil {
		return err
	}
	if world.Size() < 2 {
		return &run.SettingsError{What: "there is one process: start two at least, with mpirun -n 2"}
	}
	each := time.Second
	if f.Quick {
		each = 100 * time.Millisecond
	}
	timings, err := Measure(world, each)
	if err != nil || world.Rank() > 0 {
		return err
	}
	return f.write(to, world.Size(), timings, work)
}

// write writes what was measured with n processes.
func (f *Flags) write(to io.Writer, n int, timings []Timing, work Work) error {
	cost := Fit(n, timings)
	predictions := cost.Predict(work)
	if f.JSON {
		return writeJSON(to, n, cost, timings, work, predictions)
	}
	w, prose := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight), terminal.Prose(to)
	fmt.Fprintf(prose, "sums of MPI over %d processes: latency %.1f µs, bandwidth %.2f GB/s\n\n", n, micros(cost.Latency),
		cost.Bandwidth/1e9)
	fmt.Fprintln(w, "size\tmeasured\tmodel\t")
	for _, t := range timings {
		fmt.Fprintf(w, "%s\t%.1f µs\t%.1f µs\t\n", words.Bytes(int64(t.Bytes)), micros(t.Took), micros(cost.Time(n, t.Bytes)))
	}
	w.Flush()
	fmt.Fprintf(prose, "\na step of %.1f ms with a gradient of %s, with one part of a batch a process:\n\n",
		float64(work.Step)/float64(time.Millisecond), words.Bytes(int64(work.Gradient)))
	fmt.Fprintln(w, "processes\tsum\tefficiency\ttimes as fast\tsteps an epoch\t")
	for _, p := range predictions {
		epoch := "not known"
		if work.Epoch > 0 {
			epoch = words.Thousands(p.Epoch)
		}
		if p.TooFew(work) {
			epoch += " *"
		}
		fmt.Fprintf(w, "%s\t%.2f ms\t%.0f%%\t%.1f\t%s\t\n", words.Thousands(p.Processes), micros(p.Sum)/1000, 100*p.Efficiency,
			float64(p.Processes)*p.Efficiency, epoch)
	}
	w.Flush()
	if i := slices.IndexFunc(predictions, func(p Prediction) bool { return p.TooFew(work) }); i >= 0 {
		fmt.Fprintf(prose, "\n* The data are too small for so large a batch: with %s processes a pass over them has %s, and a "+
			"model learns in steps. Use fewer.\n", words.Thousands(predictions[i].Processes),
			words.Count(predictions[i].Epoch, "step", "steps"))
	}
	_, err := fmt.Fprintln(prose, "\nThe times are predicted from the sums that were measured here: a network, other load and "+
		"processes that are not equally fast make them longer.\nMore parts a process, --accumulate, sum less often: with K of "+
		"them the waiting is a K-th.\nGPUs that have NCCL sum by it, and not by MPI: what they take is not among these times.")
	return errors.WithStack(err)
}

func writeJSON(to io.Writer, n int, cost Cost, timings []Timing, work Work, predictions []Prediction) error {
	r := result{
		Processes: n, Latency: runlog.Float(micros(cost.Latency)), Bandwidth: runlog.Float(cost.Bandwidth / 1e9),
		Step: runlog.Float(float64(work.Step) / float64(time.Millisecond)), Gradient: work.Gradient,
	}
	for _, t := range timings {
		r.Timings = append(r.Timings, map[string]any{"bytes": t.Bytes, "us": micros(t.Took)})
	}
	for _, p := range predictions {
		r.Predictions = append(r.Predictions, map[string]any{"processes": p.Processes, "sum_us": micros(p.Sum),
			"efficiency": p.Efficiency, "steps_per_epoch": p.Epoch, "data_too_small": p.TooFew(work)})
	}
	return errors.WithStack(json.NewEncoder(to).Encode(r))
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
