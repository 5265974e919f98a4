package series

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// table is CSV of which nobody said what its rows are.
type table struct {
	*file
	sample [][]string // the first rows, but the header
	lines  []int      // and where they stand
	header []string   // nil: none
	width  int        // of the first row
	top    int        // the line of the first row
}

// sampleRows are enough to judge by.
const sampleRows = 100

// look reads the first rows.
func look(f *file) (*table, error) {
	t := &table{file: f}
	if err := t.read(); err != nil {
		return nil, err
	}
	if t.commas = t.hasCommas(); t.commas {
		f.note("numbers have decimal commas")
		if err := t.read(); err != nil {
			return nil, err
		}
	}
	if len(t.sample) == 0 {
		return nil, f.wrong(0, "the file is empty: choose another one")
	}
	t.width, t.top = len(t.sample[0]), t.lines[0]
	if err := t.checkTitle(); err != nil {
		return nil, err
	}
	if f.options.Header == "yes" || f.options.Header == "" && t.isHeader() {
		t.header, t.sample, t.lines = t.sample[0], t.sample[1:], t.lines[1:]
		if f.options.Header == "" {
			f.note("line %d is a header; --header no if it is none", t.top)
		}
	}
	return t, nil
}

// read reads the sample.
func (t *table) read() error {
	t.sample, t.lines = nil, nil
	records := t.records()
	for len(t.sample) <= sampleRows {
		cells, line, err := records.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		t.sample, t.lines = append(t.sample, texts(cells)), append(t.lines, line)
	}
	return nil
}

// checkTitle refuses a first line of one text in front of rows of several cells.
func (t *table) checkTitle() error {
	if t.width > 1 || isNumber(t.sample[0][0]) {
		return nil
	}
	for i, row := range t.sample {
		if len(row) > 1 && !isNumber(row[0]) && row[1] != "" {
			return t.wrong(t.top, "the line has one cell, and line %d has %d: remove lines that are before the table",
				t.lines[i], len(row))
		}
	}
	return nil
}

// hasCommas says whether numbers of the sample have decimal commas, where no comma is between cells.
func (t *table) hasCommas() bool {
	return t.delimiter != ',' &&
		slices.ContainsFunc(t.sample, func(row []string) bool { return slices.ContainsFunc(row, showsComma) })
}

// texts are cells without white space around them.
func texts(cells [][]byte) []string {
	s := make([]string, len(cells))
	for i, c := range cells {
		s[i] = strings.TrimSpace(string(c))
	}
	return s
}

// isHeader says whether the first row has names: what names of series are called in front, a text in a column in which
// numbers or times follow, or in front of numbers times, years or the numbers of steps.
func (t *table) isHeader() bool {
	first, rest := t.sample[0], t.sample[1:]
	if len(first) > 1 && isIDName(first[0]) {
		return true
	}
	for i, name := range first {
		if name == "" || isNumber(name) || isTime(name) {
			continue
		}
		for _, row := range rest {
			if i < len(row) && row[i] != "" && (isNumber(row[i]) || isTime(row[i])) {
				return true
			}
		}
	}
	return counts(first) || len(rest) > 0 && areTimes(first) && slices.ContainsFunc(rest[0][1:], isNumber)
}

// counts says whether the cells of a row after the first, which is empty, are 0, 1, ... or 1, 2, ...
func counts(row []string) bool {
	for i, cell := range row[1:] {
		if n, err := strconv.Atoi(cell); err != nil || n != i && n != i+1 {
			return false
		}
	}
	return len(row) > 1 && row[0] == ""
}

// areTimes says whether the cells of a row after the first, of which there are two at least, are times: years, if they
// follow each other after a text.
func areTimes(row []string) bool {
	if len(row) < 3 {
		return false
	}
	if len(fitting(row[1:], false, "")) > 0 {
		return true
	}
	for i, cell := range row[1:] {
		first, _ := strconv.Atoi(row[1])
		if n, err := strconv.Atoi(cell); err != nil || n != first+i || n < 1500 || n > 2500 {
			return false
		}
	}
	return !isNumber(row[0])
}

// column is a column that is wanted, from 0.
func (t *table) column(flag, wanted string) (int, error) {
	at := slices.Index(t.header, wanted)
	if at >= 0 && slices.Contains(t.header[at+1:], wanted) {
		return 0, t.wrong(t.top, "two columns are called %s: name the one for --%s by its number", shown(wanted), flag)
	}
	if n, err := strconv.Atoi(wanted); at < 0 && err == nil {
		at = n - 1
	}
	switch {
	case at < 0 && t.header == nil:
		return 0, t.wrong(0, "there is no column %s, for the file has no header: give --%s a number, or --header yes",
			shown(wanted), flag)
	case at < 0:
		return 0, t.wrong(t.top, "there is no column %s, the header has %s: correct --%s", shown(wanted), some(t.header), flag)
	case at >= t.width:
		return 0, t.wrong(t.top, "there is no column %d, the first row has %d: correct --%s", at+1, t.width, flag)
	}
	return at, nil
}

// tooWide says whether a row has more cells than a header with a name for each of its values.
func (t *table) tooWide(cells [][]byte) bool {
	const headed = 2 // one for the name of a series, and one for all of its values
	n := len(cells)
	for n > 1 && len(bytes.TrimSpace(cells[n-1])) == 0 { // padding
		n--
	}
	return t.header != nil && t.width > headed && n > t.width
}

// tooMany is the error of a row with more cells than the first.
func (t *table) tooMany(cells, line int) error {
	return t.wrong(line, "%s, and the first row has %d: remove what is too much, or write points for decimal commas",
		words.Count(cells, "column", "columns"), t.width)
}

// sampled are the cells of a column in the sample that are not empty.
func (t *table) sampled(column int) []string {
	var cells []string
	for _, row := range t.sample {
		if column < len(row) && row[column] != "" {
			cells = append(cells, row[column])
		}
	}
	return cells
}

// name is what a column is called.
func (t *table) name(column int) string {
	if column < len(t.header) && t.header[column] != "" {
		return t.header[column]
	}
	return strconv.Itoa(column + 1)
}

// called is a column as messages call it.
func (t *table) called(column int) string {
	if name := t.name(column); name != strconv.Itoa(column+1) {
		return strconv.Itoa(column+1) + ", " + shown(name)
	}
	return strconv.Itoa(column + 1)
}

// numeric says whether a column has numbers, or nothing.
func (t *table) numeric(column int) bool {
	return !slices.ContainsFunc(t.sampled(column), func(c string) bool { return !isNumber(c) })
}

// timed is the column of times: by the looks of its first cell, or by its name; -1 if there is none.
func (t *table) timed() int {
	if t.options.Time == None {
		return -1
	}
	for i := range t.width {
		if cells := t.sampled(i); len(cells) > 0 && isTime(cells[0]) {
			return i
		}
	}
	for i, name := range t.header {
		if isTimeName(name) && len(t.sampled(i)) > 0 {
			return i
		}
	}
	if len(t.header) == 2 && t.header[0] == "" && len(fitting(t.sampled(0), true, "")) > 0 { // the index of a data frame
		return 0
	}
	return -1
}

// valueNames are what headers call the column of values.
var valueNames = []string{"value", "values", "y", "target"}

func isValueName(cell string) bool { return slices.Contains(valueNames, strings.ToLower(cell)) }

// shortYear is a date whose year has two digits.
var shortYear = regexp.MustCompile(`^\d{1,2}([./-])\d{1,2}[./-]\d{2}$`)

// checkYears refuses dates of two-digit years where nothing is named as times: they would be taken for names.
func (t *table) checkYears() error {
	if len(t.header) > 2 && shortYear.MatchString(t.header[len(t.header)-1]) {
		return t.wrong(t.top, "column %d: %q has a year of two digits: write four, as in 2006-01-02", t.width,
			t.header[len(t.header)-1])
	}
	if t.options.Time != "" || t.timed() >= 0 {
		return nil
	}
	for i := range t.width {
		if cells := t.sampled(i); len(cells) > 0 && shortYear.MatchString(cells[0]) {
			return t.wrong(t.top, "column %s: %q has a year of two digits: write four, as in 2006-01-02", t.called(i), cells[0])
		}
	}
	return nil
}

// layout is what the rows seem to be.
func (t *table) layout() (string, error) {
	if err := t.checkYears(); err != nil {
		return "", err
	}
	switch o := t.options; {
	case o.Layout != "":
		return o.Layout, nil
	case o.long(), t.width == 1, slices.ContainsFunc(t.header, isValueName):
		return Long, nil
	case t.header != nil && areTimes(t.header):
		return Wide, nil
	case t.timed() >= 0:
		return Long, nil
	case t.header != nil && t.width == 2:
		return "", t.wrong(t.top, "it does not say what a row is: give --layout wide if it is a series, or --layout long "+
			"if it is a moment")
	}
	return Wide, nil
}
