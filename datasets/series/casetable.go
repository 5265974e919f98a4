package series

import (
	"io"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
)

// labelNames are what headers call labels.
var labelNames = []string{"label", "class", "target", "category"}

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
	if label < 0 {
		label = t.text()
	}
	skip := []int{label}
	if id := t.options.ID; id != "" && id != None {
		at, err := t.column("id", id)
		if err != nil {
			return nil, err
		}
		skip = append(skip, at)
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
			return c, nil
		case err != nil:
			return nil, err
		case first && t.header != nil:
			continue
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
