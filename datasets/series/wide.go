package series

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// wide is a table in which a row is a series, as those of the M4 competition are: its name, perhaps, and its
// values; cells that are left are empty.
type wide struct {
	*table
	firsts []string // the first cell of each row
	rows   []Series // without it
}

func readWide(t *table) (*Set, error) {
	w := &wide{table: t}
	if err := w.read(); err != nil {
		return nil, err
	}
	if len(w.rows) == 0 {
		return nil, w.wrong(0, "no series: a row is a series, its name and its values")
	}
	if err := w.name(); err != nil {
		return nil, err
	}
	set := &Set{Targets: []string{"value"}, Series: w.rows}
	if w.header != nil && areTimes(w.header) {
		if err := w.times(set); err != nil {
			return nil, err
		}
	}
	return set, set.trim(w.file)
}

// times gives the series those of the header.
func (w *wide) times(set *Set) error {
	m := moments{}
	form, err := w.dayOrMonth(fitting(w.header[1:], true, ""), w.top, "2", w.header[1])
	if err != nil {
		return err
	}
	for _, cell := range w.header[1:] {
		t, _ := form.parse(cell)
		m.times, m.lines = append(m.times, t), append(m.lines, w.top)
	}
	g := &grid{file: w.file, ways: ways{gap: ", or give --fill-gaps, which takes them for missing values"}}
	if err := g.find([]moments{m}); err != nil {
		return err
	}
	places, err := g.places(m)
	if err != nil {
		return err
	}
	set.Step = g.step
	for i := range set.Series {
		s := &set.Series[i]
		n := len(s.Values[0])
		if n > len(places) {
			return w.wrong(s.Line, "%d values, and the header has %d times: complete it", n, len(places))
		}
		s.Start = m.times[0]
		s.Values[0] = spread(s.Values[0], places[:n], places[max(n, 1)-1]+1)
	}
	return nil
}

// read reads the rows.
func (w *wide) read() error {
	records := w.records()
	for first := true; ; first = false {
		cells, line, err := records.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case first && w.header != nil:
		default:
			err = w.row(cells, line)
		}
		if err != nil {
			return err
		}
	}
}

func (w *wide) row(cells [][]byte, line int) error {
	for len(cells) > 1 && len(cells[len(cells)-1]) == 0 { // padding
		cells = cells[:len(cells)-1]
	}
	if w.tooWide(cells) {
		return w.tooMany(len(cells), line)
	}
	if err := w.hold(ofSeries+len(cells), line); err != nil {
		return err
	}
	values, err := w.cells(cells, line)
	if err != nil {
		return err
	}
	w.firsts = append(w.firsts, strings.TrimSpace(string(cells[0])))
	w.rows = append(w.rows, Series{Line: line, Values: [][]float64{values}})
	return nil
}

// name gives the series their names, from the first column, or their numbers.
func (w *wide) name() error {
	if id := w.options.ID; id != "" && id != None && id != "1" && (w.header == nil || id != w.header[0]) {
		return w.wrong(0, "the names of the series of a wide table are in column 1, and not in %s: leave out --id, or "+
			"give --layout long", shown(id))
	}
	if named, why := w.named(); named {
		if why != "" {
			w.note("%s", why)
		}
		return w.ids()
	}
	for i := range w.rows {
		x, what := number(w.firsts[i])
		if what != "" {
			return w.wrong(w.rows[i].Line, "column 1: %s", what)
		}
		s := &w.rows[i]
		s.ID = strconv.Itoa(i + 1)
		s.Values[0] = slices.Insert(s.Values[0], 0, x)
	}
	if w.options.ID == "" {
		w.note("column 1 is values, for all of its cells are numbers, and the series are called by their numbers; " +
			"--id 1 if it is their names")
	}
	return nil
}

// ids takes the first column for names.
func (w *wide) ids() error {
	lines := map[string]int{}
	for i := range w.rows {
		s := &w.rows[i]
		s.ID = w.firsts[i]
		switch line, doubled := lines[s.ID]; {
		case s.ID == "":
			return w.wrong(s.Line, "column 1, the name of the series, is empty: write it")
		case doubled:
			return w.wrong(s.Line, "series %s is in line %d, too: give it another name", shown(s.ID), line)
		}
		lines[s.ID] = s.Line
	}
	return nil
}

// idNames are what headers call the column of names.
var idNames = []string{"id", "ids", "series", "series_id", "series_name", "seriesid", "unique_id", "item", "item_id",
	"itemid", "name", "key", "code", "page", "symbol"}

func isIDName(cell string) bool { return slices.Contains(idNames, strings.ToLower(cell)) }

// named says whether the first column has names, and why, where that is to be said.
func (w *wide) named() (is bool, why string) {
	if w.options.ID != "" {
		return w.options.ID != None, ""
	}
	if w.header != nil && isIDName(w.header[0]) {
		return true, ""
	}
	counts := len(w.firsts) > 2
	for i, c := range w.firsts {
		x, what := number(c)
		if what != "" {
			return true, ""
		}
		counts = counts && !math.IsNaN(x) && (x == float64(i) || x == float64(i+1))
	}
	if counts {
		return true, "column 1 counts the rows, so that it is the names of the series; --id none if it is values"
	}
	return false, ""
}
