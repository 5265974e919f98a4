package run

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/internal/words"
)

// Group are runs of one task that are compared by one measure, the best first; those that do not have it come last.
type Group struct {
	Task    string
	Measure string // "loss", or one of TaskScores
	Runs    []Compared
}

// Compared is a run beside others of its group.
type Compared struct {
	*Account
	Value    float64 // of the best validation; NaN: there is none
	BestStep int
	Settings []Setting // those that are not the same in all runs of the group
}

// Setting is a setting with its value, as config.yaml has it.
type Setting struct{ Name, Value string }

// Compare puts runs beside each other: by a measure or, if it is "", by that which chose the best checkpoint of each.
func Compare(accounts []*Account, by string) []Group {
	var groups []Group
	for _, a := range accounts {
		measure := cmp.Or(by, a.Config.Training.Best, LossScore)
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Task == a.Config.Task && g.Measure == measure })
		if i < 0 {
			i = len(groups)
			groups = append(groups, Group{Task: a.Config.Task, Measure: measure})
		}
		c := Compared{Account: a, Value: math.NaN()}
		if value, step, ok := a.Best(measure); ok {
			c.Value, c.BestStep = value, step
		}
		groups[i].Runs = append(groups[i].Runs, c)
	}
	for i := range groups {
		groups[i].order()
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Task, b.Task), cmp.Compare(a.Measure, b.Measure))
	})
	return groups
}

// order puts the best first, and finds the settings that differ.
func (g *Group) order() {
	lower := lowerBetter(g.Measure)
	slices.SortStableFunc(g.Runs, func(a, b Compared) int {
		switch an, bn := math.IsNaN(a.Value), math.IsNaN(b.Value); {
		case an || bn:
			return cmp.Compare(bit(an), bit(bn))
		case lower:
			return cmp.Compare(a.Value, b.Value)
		}
		return cmp.Compare(b.Value, a.Value)
	})
	all := make([][]Setting, len(g.Runs))
	values := map[string]map[string]int{} // how many runs have them
	var names []string
	for i, r := range g.Runs {
		all[i] = r.Config.settings()
		for _, s := range all[i] {
			if values[s.Name] == nil {
				values[s.Name] = map[string]int{}
				names = append(names, s.Name)
			}
			values[s.Name][s.Value]++
		}
	}
	for i := range g.Runs {
		for _, name := range names {
			j := slices.IndexFunc(all[i], func(s Setting) bool { return s.Name == name })
			value := "-"
			if j >= 0 {
				value = all[i][j].Value
			}
			if values[name][value] < len(g.Runs) {
				g.Runs[i].Settings = append(g.Runs[i].Settings, Setting{name, value})
			}
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// followed are settings that follow from others or from the data, or change no number.
var followed = []string{
	"format", "reading", "vocab", "classes", "target_vocab", "target_lengths", "threads", "recompute", "memory", "cutoffs",
	"naive2_smape", "naive2_mase", "mean", "deviation", "chars", "forms",
}

// settings are those that someone chose, in the order of config.yaml. Files go by their names.
func (c *Config) settings() (all []Setting) {
	var root yaml.Node
	if yaml.Unmarshal(c.Encode(), &root) != nil || len(root.Content) == 0 {
		return nil
	}
	flatten(root.Content[0], "", &all)
	return all
}

func flatten(n *yaml.Node, name string, all *[]Setting) {
	short := name[strings.LastIndexByte(name, '.')+1:]
	if slices.Contains(followed, short) || strings.HasSuffix(short, "sha256") {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			under := n.Content[i].Value
			if name == "data" || name == "from" || name == "averaged" || strings.HasPrefix(name, "data.") || strings.HasSuffix(name, "vectors") {
				under = name + "." + under
			}
			flatten(n.Content[i+1], under, all)
		}
	case yaml.SequenceNode:
		var parts []string
		for _, x := range n.Content {
			parts = append(parts, fileOf(x.Value))
		}
		*all = append(*all, Setting{name, strings.Join(parts, " ")})
	default:
		*all = append(*all, Setting{name, fileOf(n.Value)})
	}
}

// fileOf is a value; of an absolute path the last part.
func fileOf(value string) string {
	if filepath.IsAbs(value) {
		return filepath.Base(value)
	}
	return value
}

// MeasureNames are the measures that runs can be compared by: the loss, and all that tasks have.
func MeasureNames() []string { return append([]string{LossScore}, ownKind{}.scores()...) }

// IsMeasure says so of a name.
func IsMeasure(name string) bool { return slices.Contains(MeasureNames(), name) }

// MeasureWords is what a measure is called in words, and MeasureValue its value with its unit.
func MeasureWords(name string) string {
	if w := shownMeasures[name].words; w != "" {
		return w
	}
	return strings.ReplaceAll(name, "_", " ")
}

// MeasureValue is a value of a measure in words; NaN is a dash.
func MeasureValue(name string, x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case shownMeasures[name].panel == percent || name == "top2":
		return fmt.Sprintf("%.2f%%", 100*x)
	case name == "bleu" || name == "chrf":
		return fmt.Sprintf("%.2f", x)
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}

// DrawRuns draws the validations of groups of runs, a panel for each group, as svg or png. If there are none, it is a
// *DataError.
func DrawRuns(w io.Writer, format string, groups []Group) error {
	for _, g := range groups {
		none := func(r Compared) bool { return r.Account == nil || r.Config == nil }
		if kindOf(g.Task) == nil || len(g.Runs) == 0 || slices.ContainsFunc(g.Runs, none) {
			return settings("a group without runs, or of no task: draw what Compare gives")
		}
	}
	p := &plots.Curves{Title: "validations", Apart: true}
	validated := false
	for _, g := range groups {
		title := TaskName(g.Task) + ": " + MeasureWords(g.Measure)
		scale := 1.0
		if g.Measure == LossScore {
			title = TaskName(g.Task) + ": " + kindOf(g.Task).loss(g.Runs[0].Config)
		} else if shownMeasures[g.Measure].panel == percent {
			title, scale = title+", %", 100
		}
		panel := plots.Panel{Title: title, Log: true}
		for _, r := range g.Runs {
			c := &plots.Curve{}
			for i := range r.valid {
				if x, ok := r.valid[i].measure(g.Measure); ok {
					c.Add(float64(r.valid[i].Step), x*scale)
				} else if g.Measure == LossScore {
					c.Add(float64(r.valid[i].Step), math.NaN())
				}
			}
			validated = validated || c.Len() > 0
			panel.Lines = append(panel.Lines, plots.Line{Name: words.ClipFront(r.Dir, 34), Curve: c})
		}
		p.Panels = append(p.Panels, panel)
	}
	if !validated {
		return badData("no run was validated by what is to be drawn: name others, or another measure")
	}
	return p.Write(w, format)
}
