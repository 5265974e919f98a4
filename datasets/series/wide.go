package series

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// wide is a table in which a row is a series, as those of the M4 competition are: its name, perhaps, and its
// values; cells that are left are empty.
type wide struct {
	*file
	header []string
	firsts []string // the first cell of each row
	rows   []Series // without it
}

func readWide(f *file) (*Set, error) {
	w := &wide{file: f}
	if err := w.read(); err != nil {
		return nil, err
	}
	if len(w.rows) == 0 {
		return nil, f.wrong(0, "no series: a row is a series, its name and its values")
	}
	if err := w.name(); err != nil {
		return nil, err
	}
	for i := range w.rows {
		s := &w.rows[i]
		if s.trim(); s.Len() == 0 {
			return nil, f.wrong(s.Line, "series %s has no value: remove the row or complete it", shown(s.ID))
		}
	}
	return &Set{Targets: []string{"value"}, Series: w.rows}, nil
}

// read reads the rows.
func (w *wide) read() error {
	records := datasets.NewRecords(w.file.name, w.data, 0, maxRecord)
	for first := true; ; first = false {
		cells, line, err := records.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case first && w.isHeader(cells):
			w.header = texts(cells)
			w.note("line %d is a header; --header no if it is a series", line)
		default:
			err = w.row(cells, line)
		}
		if err != nil {
			return err
		}
	}
}

// texts are cells without white space around them.
func texts(cells [][]byte) []string {
	s := make([]string, len(cells))
	for i, c := range cells {
		s[i] = strings.TrimSpace(string(c))
	}
	return s
}

// isHeader says whether the first row has names of columns: something else than numbers after its first cell, or
// the numbers of steps after what headers call the names of series.
func (w *wide) isHeader(cells [][]byte) bool {
	if w.options.Header != "" {
		return w.options.Header == "yes"
	}
	row := texts(cells)
	counts := len(row) > 2 && isIDName(row[0])
	for i, c := range row[1:] {
		if !isNumber(c) {
			return true
		}
		n, err := strconv.Atoi(c)
		counts = counts && err == nil && (n == i || n == i+1)
	}
	return counts
}

func (w *wide) row(cells [][]byte, line int) error {
	for len(cells) > 1 && len(cells[len(cells)-1]) == 0 { // padding
		cells = cells[:len(cells)-1]
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
	if id := w.options.ID; id != "" && id != NoID && id != "1" && (w.header == nil || id != w.header[0]) {
		return w.wrong(0, "the names of the series of a wide table are in column 1, and not in %s: leave out --id, or give --layout long", shown(id))
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
		w.note("column 1 is values, for all of its cells are numbers, and the series are called by their numbers; --id 1 if it is their names")
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
var idNames = []string{"id", "ids", "series", "series_id", "series_name", "seriesid", "unique_id", "item", "item_id", "itemid", "name", "key", "code", "page", "symbol"}

func isIDName(cell string) bool { return slices.Contains(idNames, strings.ToLower(cell)) }

// named says whether the first column has names, and why, where that is to be said.
func (w *wide) named() (is bool, why string) {
	if w.options.ID != "" {
		return w.options.ID != NoID, ""
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
