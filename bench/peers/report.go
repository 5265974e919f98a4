package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// busy is how many cores other processes may use before a comparison of several threads means little.
const busy = 0.2

// table is the comparison of a workload's contenders.
type table struct {
	Workload string  `json:"workload"`
	What     string  `json:"what"`
	Threads  int     `json:"threads"`
	GFLOP    float64 `json:"gflop"`        // of the products of a step: what is necessary, not what each computes
	Peak     float64 `json:"peak_gflops"`  // multiply-adds, measured; 0: unknown
	Others   float64 `json:"others_cores"` // that other processes kept busy; negative: unknown
	NoTorch  string  `json:"no_torch,omitempty"`
	NoOneDNN string  `json:"no_onednn,omitempty"`
	NoONNX   string  `json:"no_onnxruntime,omitempty"`
	Lines    []line  `json:"contenders"`
	path     string
}

type line struct {
	Name    string  `json:"name"`
	Best    float64 `json:"best_ms"`
	Median  float64 `json:"median_ms"`
	CPU     float64 `json:"cpu_ms"` // processor time of a step; 0: unknown
	GFLOPS  float64 `json:"gflops"` // in the best step
	Percent float64 `json:"percent_of_peak"`
	Ratio   *ratio  `json:"ratio,omitempty"` // of the time to unroll's
}

// ratio is the spread over rounds of the ratio of two contenders' times, and the ratios of their best times and
// of the processor's time. On a busy machine the last tells most of one thread; of several it tells little, as
// threads that wait may use it too.
type ratio struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	Best   float64 `json:"of_best"`
	CPU    float64 `json:"of_processor_time,omitempty"`
}

func (t *table) fill(es []*entry) {
	for i, e := range es {
		l := line{Name: e.name, Best: slices.Min(e.all), Median: median(e.turns), CPU: e.cpu / float64(len(e.all))}
		l.GFLOPS = t.GFLOP / l.Best * 1e3
		if t.Peak > 0 {
			l.Percent = 100 * l.GFLOPS / t.Peak
		}
		if i > 0 {
			var rs []float64
			for k, ms := range e.turns {
				rs = append(rs, ms/es[0].turns[k])
			}
			l.Ratio = &ratio{Min: slices.Min(rs), Median: median(rs), Max: slices.Max(rs), Best: l.Best / t.Lines[0].Best}
			if t.Lines[0].CPU > 0 {
				l.Ratio.CPU = l.CPU / t.Lines[0].CPU
			}
		}
		t.Lines = append(t.Lines, l)
	}
}

func (t *table) print(out io.Writer) error {
	fmt.Fprintf(out, "%s: %s; threads %d, %.3g GFLOP a step", t.Workload, t.What, t.Threads, t.GFLOP)
	if t.Peak > 0 {
		fmt.Fprintf(out, ", multiply-adds (%s) at most %.0f GFLOP/s", t.path, t.Peak)
	}
	if t.Others >= 0 {
		fmt.Fprintf(out, "; other processes kept %.1f cores busy", t.Others)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "contender\tms, best\tmedian\tprocessor ms\tGFLOP/s\tof peak\ttime / unroll's: min\tmedian\tmax\tof "+
		"best\tof processor\t")
	for _, l := range t.Lines {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f%%\t", l.Name, l.Best, l.Median, l.CPU, l.GFLOPS, l.Percent)
		if r := l.Ratio; r != nil {
			fmt.Fprintf(w, "%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t", r.Min, r.Median, r.Max, r.Best, r.CPU)
		} else {
			fmt.Fprint(w, "\t\t\t\t\t")
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, none := range []string{t.NoTorch, t.NoOneDNN, t.NoONNX} {
		if none != "" {
			fmt.Fprintln(out, none)
		}
	}
	if t.Others > busy && t.Threads > 1 {
		fmt.Fprintln(out,
			"The machine is busy: several threads wait for the slowest, and PyTorch's suffer most. Do not quote this table.")
	}
	_, err := fmt.Fprintln(out)
	return err
}
