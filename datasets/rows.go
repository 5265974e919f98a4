package datasets

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"
)

// row is a line of cells with tabs between, or a record of CSV. It is valid until the next is read.
type row struct {
	line   int   // where it begins, from 1
	offset int64 // of a line: where it begins in the contents
	cells  [][]byte
}

func (r *row) blank() bool { return len(trim(bytes.Join(r.cells, nil))) == 0 }

// place is where a cell of a line begins in the contents.
func (r *row) place(cell int) int64 {
	at := r.offset
	for _, c := range r.cells[:cell] {
		at += int64(len(c)) + 1
	}
	return at
}

// rowReader gives rows, and io.EOF after the last. A row that is no text, or too long, is an *Error, after which the next can be read.
type rowReader interface {
	next() (*row, error)
}

// tabbed are lines of cells with tabs between, in which quotation marks have no meaning.
type tabbed struct {
	lines *lineReader
	row   row
}

func (t *tabbed) next() (*row, error) {
	line, err := t.lines.read()
	if err != nil {
		return nil, err
	}
	t.row = row{line: t.lines.number, offset: t.lines.offset, cells: t.row.cells[:0]}
	for more := true; more; {
		var cell []byte
		cell, line, more = bytes.Cut(line, []byte("\t"))
		t.row.cells = append(t.row.cells, cell)
	}
	return &t.row, nil
}

// records are those of CSV (RFC 4180), which may go over several lines.
type records struct {
	name string
	data []byte
	csv  *csv.Reader
	at   int64 // where the next one begins in data
	line int   // and its line
	row  row
}

// newRecords reads records with a delimiter between cells; 0: a comma, a semicolon or a tab, whichever cuts data into equal rows.
func newRecords(name string, data []byte, delimiter rune) *records {
	r := &records{name: name, data: data, line: 1}
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		r.at = int64(len(byteOrderMark))
	}
	if delimiter == 0 {
		delimiter = likelyDelimiter(data[r.at:])
	}
	r.csv = newCSV(data[r.at:], delimiter)
	return r
}

func newCSV(data []byte, delimiter rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = delimiter, -1, true
	return r
}

// likelyDelimiter is that of which most of the first records have the same number of cells, more than one.
func likelyDelimiter(data []byte) rune {
	const some = 50
	best, most := ',', 0
	for _, delimiter := range ",;\t" {
		r := newCSV(data, delimiter)
		width, alike := 0, 0
		for i := 0; i < some; i++ {
			cells, err := r.Read()
			if err == io.EOF {
				break
			}
			if width == 0 {
				width = len(cells)
			}
			if err == nil && width > 1 && len(cells) == width {
				alike++
			}
		}
		if alike > most {
			best, most = delimiter, alike
		}
	}
	return best
}

func (r *records) next() (*row, error) {
	base := r.at - r.csv.InputOffset()
	cells, err := r.csv.Read()
	if err == io.EOF {
		return nil, err
	}
	from := r.at
	r.at = base + r.csv.InputOffset()
	raw := r.data[from:r.at]
	blank := raw[:len(raw)-len(bytes.TrimLeft(raw, "\r\n"))] // lines before it
	r.row = row{line: r.line + bytes.Count(blank, []byte("\n")), cells: r.row.cells[:0]}
	r.line += bytes.Count(raw, []byte("\n"))
	if bad := r.wrong(raw[len(blank):], from+int64(len(blank)), err); bad != nil {
		return nil, bad
	}
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, c := range cells {
		r.row.cells = append(r.row.cells, []byte(inOneLine.Replace(c)))
	}
	return &r.row, nil
}

// inOneLine makes one line of a text: what is read later of the standard input is one, too.
var inOneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")

// wrong says what is wrong with a record, raw as it stands at from, of which the reader says err; nil if nothing is.
func (r *records) wrong(raw []byte, from int64, err error) error {
	if r.row.line == 1 && !bytes.ContainsRune(r.data, '\n') && foreignBreaks(raw) != "" {
		return &Error{File: r.name, What: foreignBreaks(raw)}
	}
	begin := from
	for i, line := range bytes.SplitAfter(raw, []byte("\n")) {
		if e := notTextIn(line, begin); e != nil {
			e.File, e.Line = r.name, r.row.line+i
			return e
		}
		begin += int64(len(line))
	}
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && int(r.at) == len(r.data) && bytes.Count(raw, []byte("\n")) > 1:
		return &finalError{&Error{File: r.name, Line: r.row.line, What: "a quotation mark begins a cell, and none ends it before the end of the file: write one more" + orPlain}}
	case errors.As(err, &parse):
		return &Error{File: r.name, Line: r.row.line, What: "a quotation mark stands where CSV has none: write two for one, and one on each side of the cell" + orPlain}
	case len(raw) > MaxLineBytes:
		return &Error{File: r.name, Line: r.row.line, What: fmt.Sprintf("the row is longer than %d bytes, the most that an example can have: a quotation mark may be missing", MaxLineBytes)}
	}
	return nil
}

const orPlain = ", or leave out --quoted and give --format tsv if quotation marks mean nothing"

// finalError is one that is not of a single row, which could be left out.
type finalError struct{ e *Error }

func (f *finalError) Error() string { return f.e.Error() }
