package report

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Class is what there is to say of a class.
type Class struct {
	Label     string    `json:"label"`
	Precision run.Float `json:"precision"`
	Recall    run.Float `json:"recall"`
	F1        run.Float `json:"f1"`
	Examples  int       `json:"examples"`
	Predicted int       `json:"predicted"`
}

// Classes are all of them, and how often examples of the one were taken for the other.
func Classes(v *run.Evaluation) (classes []Class, confusion [][]int) {
	for class := range v.Confusion.Classes {
		s := v.Confusion.Class(class)
		classes = append(classes, Class{
			Label: v.Labels.Name(int32(class)), Precision: run.Float(s.Precision), Recall: run.Float(s.Recall),
			F1: run.Float(s.F1), Examples: s.Examples, Predicted: s.Predicted,
		})
		row := make([]int, v.Confusion.Classes)
		for predicted := range row {
			row[predicted] = v.Confusion.Count(class, predicted)
		}
		confusion = append(confusion, row)
	}
	return classes, confusion
}

// ClassTable is the same for people: of each class, and the classes that its examples were taken for, without zeros.
func ClassTable(v *run.Evaluation) string {
	classes, confusion := Classes(v)
	var b strings.Builder
	labels, widest := []string{"label"}, 0
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // it counts characters, and labels may be of wide ones: they are put before
	fmt.Fprintln(w, "precision\trecall\tF1\texamples\ttaken for")
	for i, c := range classes {
		var taken []string
		for predicted, n := range confusion[i] {
			if n > 0 {
				taken = append(taken, fmt.Sprintf("%s %d", classes[predicted].Label, n))
			}
		}
		labels = append(labels, c.Label)
		fmt.Fprintf(w, "%.2f%%\t%.2f%%\t%.2f%%\t%d\t%s\n",
			100*float64(c.Precision), 100*float64(c.Recall), 100*float64(c.F1), c.Examples, strings.Join(taken, ", "))
	}
	w.Flush()
	for _, label := range labels {
		widest = max(widest, words.Width(label))
	}
	lines := slices.Collect(strings.Lines(b.String()))
	for i, label := range labels {
		lines[i] = words.Pad(label, widest) + "  " + lines[i]
	}
	return strings.Join(lines, "")
}
