package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Table holds texts with a label each.
type Table struct {
	Name    string // the file or folder
	SHA256  string // of the file's bytes, uncompressed; of a folder, of the names and hashes of its files
	Rows    []Row
	Skipped Skipped
	Notes   []string // what was taken for what, and what was left out, in words
	Format  Format   // as which it was read
	Column  int      // that of the texts, from 1; 0: a text is a line or a file
}

// Row is a text with its label.
type Row struct {
	Text, Label string
	File        string // where it stands
	Line        int
}

// ReadTable reads a file of rows with a text and its label, as a format says, plain or compressed by gzip.
// Blank rows are left out.
func ReadTable(path string, f Format) (*Table, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &Table{Name: path}
	labels := map[string]string{} // each once, however many rows have it
	s := &scan{name: path, roles: tableRoles, format: f, lenient: &lenient{skip: f.SkipBad}}
	c := &contents{ReaderAt: bytes.NewReader(data), size: int64(len(data))}
	var h held
	h.file(path)
	if err := s.rows(c, func(r *row, cells [2][]byte) error {
		if err := h.add(1, len(cells[0]), path, r.line); err != nil {
			return err
		}
		label, ok := labels[string(cells[1])]
		if !ok {
			label = string(cells[1])
			labels[label] = label
		}
		t.Rows = append(t.Rows, Row{Text: string(cells[0]), Label: label, File: path, Line: r.line})
		return nil
	}); err != nil {
		return nil, err
	}
	t.SHA256, t.Skipped, t.Notes, t.Format = s.sum, s.lenient.skipped, s.notes, f
	if err := t.check("no examples: " + tableRoles.line); err != nil {
		return nil, err
	}
	if what := s.profile.checkTable(s.columns); what != "" {
		return nil, &Error{File: path, What: what}
	}
	t.Column = s.columns.at[0] + 1
	t.judgeFirst(s)
	t.Notes = append(t.Notes, doubtfulLabels(path, "examples", t.counts())...)
	return t, nil
}

// counts are how often each label occurs.
func (t *Table) counts() map[string]int {
	counts := map[string]int{}
	for _, r := range t.Rows {
		counts[r.Label]++
	}
	return counts
}

// shortName is the most words that the name of a column has, where its language is not known.
const shortName = 2

// judgeFirst decides, now that all labels are known, whether the first row is an example or a header, if
// nothing but its looks says it.
func (t *Table) judgeFirst(s *scan) {
	if s.format.Header != "" || s.format.named() {
		return
	}
	counts := t.counts()
	if first := s.first; first != nil && s.columns.at == [2]int{0, 1} {
		if label := string(trim(first.cells[1])); counts[label] > 0 {
			t.Rows = slices.Insert(t.Rows, 0, Row{Text: string(trim(first.cells[0])), Label: label, File: t.Name,
				Line: first.line})
			t.Notes = slices.DeleteFunc(t.Notes, func(note string) bool { return slices.Contains(s.columns.notes, note) })
		}
		return
	}
	first, once := t.Rows[0], 0
	for _, n := range counts {
		if n == 1 {
			once++
		}
	}
	switch alone := len(t.Rows) >= fewRows && once == 1 && counts[first.Label] == 1; {
	case alone && len(strings.Fields(first.Text)) <= shortName:
		t.Rows = t.Rows[1:]
		t.Notes = append(t.Notes, fmt.Sprintf("%s: line %d, %q and %q, is taken for a header; --header no if it is none",
			t.Name, first.Line, first.Text, first.Label))
	case alone:
		t.Notes = append(t.Notes, fmt.Sprintf("%s: the label %q of line %d occurs nowhere else; if that line is a header, "+
			"give --header yes", t.Name, first.Label, first.Line))
	}
}

// check says whether there is anything to learn in a table.
func (t *Table) check(none string) error {
	if len(t.Rows) == 0 {
		if t.Skipped.Count > 0 {
			return &Error{File: t.Name, What: t.Skipped.all()}
		}
		return &Error{File: t.Name, What: none}
	}
	return nil
}

// Labels are the labels of all rows. Fewer than two different ones are an *Error.
func (t *Table) Labels() (*Labels, error) {
	names := make([]string, len(t.Rows))
	for i, r := range t.Rows {
		names[i] = r.Label
		if wrong := checkLabel(r.Label); wrong != "" {
			return nil, &Error{File: r.File, Line: r.Line, What: wrong}
		}
	}
	l := NewLabels(names)
	if l.Len() < 2 {
		return nil, &Error{File: t.Name,
			What: fmt.Sprintf("every label is %q, so there is nothing to learn: use other data", l.Name(0))}
	}
	return l, nil
}

// Classes are the numbers of the rows' labels, NoClass for a label that l lacks; unknown says which those are.
// If l lacks all, it is an *Error.
func (t *Table) Classes(l *Labels) (classes []int32, unknown *UnknownLabels, err error) {
	return l.classes(t.Name, len(t.Rows), func(i int) string { return t.Rows[i].Label })
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
