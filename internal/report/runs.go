package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// runsWidth is how wide a line of a table of runs is, at most.
const runsWidth = 80

// Runs writes a table of runs: those of a task below each other, and under each its settings that others do not have.
func Runs(w io.Writer, groups []run.Group) error {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		n := words.Count(len(g.Runs), "run", "runs")
		fmt.Fprintf(&b, "%s: %s, the best first by the %s of a validation\n", run.TaskName(g.Task), n,
			run.MeasureWords(g.Measure))
		group(&b, &g)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// group writes the rows of a group.
func group(b *strings.Builder, g *run.Group) {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tstate\tsteps\t%s\tafter\ttime\tweights\t\n", clip(run.MeasureWords(g.Measure), 14))
	for _, r := range g.Runs {
		after, weights := "-", "-"
		if r.BestStep > 0 {
			after = words.Thousands(r.BestStep)
		}
		if r.Weights > 0 {
			weights = words.Short(math.Round(r.Weights))
		}
		fmt.Fprintf(t, "\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.State, words.Thousands(r.Step),
			run.MeasureValue(g.Measure, r.Value), after, words.Clock(r.Seconds), weights)
	}
	t.Flush()
	lines := strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n")
	room, wide := max(runsWidth-len(strings.TrimRight(lines[0], " ")), len("run")), len("run")
	for _, r := range g.Runs {
		wide = max(wide, words.Width(r.Dir))
	}
	wide = min(wide, room)
	for i, line := range lines {
		name := "run"
		if i > 0 {
			name = g.Runs[i-1].Dir
		}
		long := words.Width(name) > wide
		if long { // a line of its own
			fmt.Fprintln(b, name)
			name = ""
		}
		fmt.Fprintln(b, words.Pad(name, wide)+strings.TrimRight(line, " "))
		if i > 0 {
			b.WriteString(settings(g.Runs[i-1].Settings))
		}
	}
}

// settings are lines that say them; "" without any.
func settings(all []run.Setting) string {
	if len(all) == 0 {
		return ""
	}
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = s.Name + " " + clip(s.Value, 30)
	}
	return words.Wrap("    "+strings.Join(parts, "  "), runsWidth) + "\n"
}

func clip(text string, n int) string { return words.Clip(text, n) }

// comparedRun is a run as JSON.
type comparedRun struct {
	Run      string            `json:"run"`
	Task     string            `json:"task"`
	State    string            `json:"state"`
	Steps    int               `json:"steps"`
	Seconds  float64           `json:"seconds"`
	Weights  float64           `json:"weights,omitempty"`
	By       string            `json:"by"`
	Best     *float64          `json:"best,omitempty"`
	BestStep int               `json:"best_step,omitempty"`
	Settings map[string]string `json:"settings"` // those that differ
}

// RunsJSON writes an object a line for each run, in the order of the table.
func RunsJSON(w io.Writer, groups []run.Group) error {
	e := json.NewEncoder(w)
	for _, g := range groups {
		for _, r := range g.Runs {
			x := comparedRun{Run: r.Dir, Task: g.Task, State: r.State, Steps: r.Step, Seconds: r.Seconds,
				Weights: r.Weights, By: g.Measure, BestStep: r.BestStep, Settings: map[string]string{}}
			if !math.IsNaN(r.Value) {
				x.Best = &r.Value
			}
			for _, s := range r.Settings {
				x.Settings[s.Name] = s.Value
			}
			if err := e.Encode(x); err != nil {
				return err
			}
		}
	}
	return nil
}
