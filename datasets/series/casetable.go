package series

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
)

// labelNames are what headers call labels.
var labelNames = []string{"label", "class", "target", "category", "outcome", "activity"}

func isLabelName(cell string) bool { return slices.Contains(labelNames, strings.ToLower(cell)) }

// readCaseTable reads cases from CSV: a row for each, with its label and its values, or a row for each moment, with
// the label in all of them.
func readCaseTable(f *file) (*Cases, error) {
	o := f.options
	if o.Known != nil || o.Static != nil {
		columns := strings.Join(slices.Concat(o.Known, o.Static), ",")
		return nil, &setting.Error{Setting: "Known", Value: columns, Want: "empty: cases have no covariates"}
	}
	t, err := look(f)
	if err != nil {
		return nil, err
	}
	if o.Layout == Long || o.Layout == "" && (o.long() || o.ID != "" && o.ID != None || t.timed() >= 0) {
		return readLongCases(t)
	}
	return readWideCases(t)
}

// labels is the column with labels: the one that is wanted, or that is called so; -1 if there is none.
func (t *table) labels() (int, error) {
	if t.options.Label != "" {
		return t.column("label", t.options.Label)
	}
	return slices.IndexFunc(t.header, isLabelName), nil
}

// text is the only column with texts; 0 if there is none, or several.
func (t *table) text() int {
	var found []int
	for i := range t.width {
		if !t.numeric(i) {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		return 0
	}
	return found[0]
}

func readWideCases(t *table) (*Cases, error) {
	label, err := t.labels()
	if err != nil {
		return nil, err
	}
	guessed := label < 0
	if guessed {
		label = t.text()
	}
	skip, err := t.names(label)
	if err != nil {
		return nil, err
	}
	if t.options.Label == "" {
		t.note("column %s is the label; --label for another one", t.called(label))
	}
	c := &Cases{Channels: 1}
	records := t.records()
	for first := true; ; first = false {
		cells, line, err := records.Read()
		switch {
		case err == io.EOF:
			if guessed {
				err = c.checkLabels(t, label)
			} else {
				err = nil
			}
			return c, err
		case err != nil:
			return nil, err
		case first && t.header != nil:
			continue
		case t.tooWide(cells):
			return nil, t.tooMany(len(cells), line)
		case len(cells) <= slices.Max(skip):
			return nil, t.wrong(line, "no column %d: complete the row", slices.Max(skip)+1)
		}
		if err := t.hold(ofSeries+len(cells), line); err != nil {
			return nil, err
		}
		var values []float64
		for i, cell := range cells {
			if slices.Contains(skip, i) {
				continue
			}
			x, what := number(strings.TrimSpace(string(cell)))
			if what != "" {
				return nil, t.wrong(line, "column %s: %s", t.called(i), what)
			}
			values = append(values, x)
		}
		if len(values) == 0 {
			cell := strings.TrimSpace(string(cells[label]))
			if _, what := number(cell); what != "" && strings.Contains(cell, " ") {
				return nil, t.wrong(line, "%s", what)
			}
			return nil, t.wrong(line, "a label and no value: complete the row")
		}
		c.Cases = append(c.Cases, Case{Line: line, Values: [][]float64{values},
			Label: strings.TrimSpace(string(cells[label]))})
	}
}

// names are the columns that are no values of cases: the label, and names, which options name or a header does, or
// numbers of the rows in a column that a header has no name for.
func (t *table) names(label int) (skip []int, err error) {
	skip = []int{label}
	if id := t.options.ID; id == None {
		return skip, nil
	} else if id != "" {
		at, err := t.column("id", id)
		return append(skip, at), err
	}
	for i, name := range t.header {
		if i != label && (isIDName(name) || i == 0 && name == "" && t.counted()) {
			skip = append(skip, i)
			t.note("column %s is the names of cases, and no value; --id none if it is one", t.called(i))
		}
	}
	return skip, nil
}

// counted says whether the first column of the sample counts the rows.
func (t *table) counted() bool {
	for i, row := range t.sample {
		if n, err := strconv.Atoi(row[0]); err != nil || n != i && n != i+1 {
			return false
		}
	}
	return true
}

// checkLabels refuses labels of which nearly all are different, in a column that nobody has named.
func (c *Cases) checkLabels(t *table, label int) error {
	const few = 10
	labels := map[string]bool{}
	for _, x := range c.Cases {
		labels[x.Label] = true
	}
	if t.options.Regression || len(c.Cases) < few || 2*len(labels) <= len(c.Cases) {
		return nil
	}
	return t.wrong(t.top, "column %s, of the labels, has %d different ones in %d rows, and a classifier learns classes: "+
		"name the column of the labels with --label", t.called(label), len(labels), len(c.Cases))
}

func readLongCases(t *table) (*Cases, error) {
	label, err := t.labels()
	if err != nil {
		return nil, err
	}
	if label < 0 {
		return nil, t.wrong(0, "no column is called label or class: name that of the labels with --label")
	}
	l := &long{table: t, index: map[string]*track{}, cases: true}
	if err := l.choose(label); err != nil {
		return nil, err
	}
	if l.ids == nil {
		return nil, t.wrong(0, "which rows belong to a case is not to be told: name the column that says it with --id")
	}
	if err := l.read(); err != nil {
		return nil, err
	}
	if _, err := l.place(&Set{}); err != nil {
		return nil, err
	}
	c := &Cases{Channels: len(l.targets)}
	for _, track := range l.tracks {
		c.Cases = append(c.Cases, Case{Line: track.lines[0], Values: track.values, Label: track.label})
	}
	return c, nil
}
