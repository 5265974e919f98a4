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

	missing bool // it is two quotation marks alone: how tables of one column have a missing value
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

// rowReader gives rows, and io.EOF after the last. A row that is no text, or too long, is an *Error, after
// which the next can be read.
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

// Records are those of CSV (RFC 4180), which may go over several lines.
type Records struct {
	// Plain says what to do where quotation marks mean nothing: words that end the errors of wrong ones.
	Plain string

	name      string
	data      []byte
	delimiter rune
	max       int // bytes of a record
	csv       *csvReader
	at        int64 // where the next one begins in data
	line      int   // and its line
	row       row
}

// NewRecords reads the records of data, with a delimiter between cells; 0: the one that a first line as Excel knows
// it names, sep=; for example, or else a comma, a semicolon, a tab or a bar, whichever cuts data into equal rows. A
// record has at most max bytes. Errors call data by name.
func NewRecords(name string, data []byte, delimiter rune, max int) *Records {
	r := &Records{name: name, data: data, delimiter: delimiter, max: max, line: 1}
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		r.at = int64(len(byteOrderMark))
	}
	if said, length := saidDelimiter(data[r.at:]); said != 0 && (delimiter == 0 || delimiter == said) {
		r.delimiter, r.at, r.line = said, r.at+int64(length), 2
	}
	if r.delimiter == 0 {
		r.delimiter = likelyDelimiter(data[r.at:], max)
	}
	r.csv = newCSV(data[r.at:], r.delimiter)
	return r
}

// Delimiter is what stands between cells.
func (r *Records) Delimiter() rune { return r.delimiter }

// Read gives the cells of the next record that is not blank, valid until the next call, and the line where it
// begins, from 1; io.EOF after the last. A line break or a tab within a cell is a space. What is wrong with a
// record is an *Error, after which the next can be read.
func (r *Records) Read() (cells [][]byte, line int, err error) {
	for {
		row, err := r.next()
		var final *finalError
		switch {
		case errors.As(err, &final):
			return nil, r.row.line, final.e
		case err != nil:
			return nil, r.row.line, err
		case !row.blank() || row.missing:
			return row.cells, row.line, nil
		}
	}
}

// csvReader reads CSV from memory. It fails a record that is too long before its cells are there, which take
// many times as much memory as a record of commas alone.
type csvReader struct {
	*csv.Reader
	from        *bytes.Reader
	read, limit int64 // bytes
}

var errTooLong = errors.New("the record is too long")

func newCSV(data []byte, delimiter rune) *csvReader {
	r := &csvReader{from: bytes.NewReader(data)}
	r.Reader = csv.NewReader(feed{r})
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = delimiter, -1, true
	return r
}

// allow lets the next record have max bytes, after some that are no part of it.
func (r *csvReader) allow(max, before int) {
	const ahead = 1 << 13 // more than is read in advance
	r.limit = r.InputOffset() + int64(before) + int64(max) + ahead
}

// feed is what a csvReader reads.
type feed struct{ *csvReader }

func (f feed) Read(p []byte) (int, error) {
	if f.read > f.limit {
		return 0, errTooLong
	}
	n, err := f.from.Read(p)
	f.read += int64(n)
	return n, err
}

func (r *Records) next() (*row, error) {
	from := r.at
	rest := r.data[from:]
	blank := rest[:len(rest)-len(bytes.TrimLeft(rest, "\r\n"))] // lines before it
	base := from - r.csv.InputOffset()
	r.csv.allow(r.max, len(blank))
	cells, err := r.csv.Read()
	if err == io.EOF {
		return nil, err
	}
	if errors.Is(err, errTooLong) {
		r.skip(len(blank))
	} else {
		r.at = base + r.csv.InputOffset()
	}
	raw := r.data[from:r.at]
	r.row = row{line: r.line + bytes.Count(blank, []byte("\n")), cells: r.row.cells[:0]}
	r.line += bytes.Count(raw, []byte("\n"))
	if bad := r.wrong(raw[len(blank):], from+int64(len(blank)), err); bad != nil {
		return nil, bad
	}
	if err != nil {
		return nil, errors.WithStack(err)
	}
	r.row.missing = len(cells) == 1 && cells[0] == "" && bytes.IndexByte(raw, '"') >= 0
	for _, c := range cells {
		r.row.cells = append(r.row.cells, []byte(inOneLine.Replace(c)))
	}
	return &r.row, nil
}

// inOneLine makes one line of a text: what is read later of the standard input is one, too.
var inOneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")

// skip goes on after the line with the last byte that the record may have, which begins after some bytes.
func (r *Records) skip(before int) {
	r.at = min(r.at+int64(before+r.max), int64(len(r.data)))
	if end := bytes.IndexByte(r.data[r.at:], '\n'); end >= 0 {
		r.at += int64(end) + 1
	} else {
		r.at = int64(len(r.data))
	}
	r.csv = newCSV(r.data[r.at:], r.delimiter)
}

// wrong says what is wrong with a record, raw as it stands at from, of which the reader says err; nil if nothing is.
func (r *Records) wrong(raw []byte, from int64, err error) error {
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
		return &finalError{&Error{File: r.name, Line: r.row.line,
			What: "a quotation mark begins a cell, and none ends it before the end of the file: write one more" + r.Plain}}
	case errors.As(err, &parse):
		return &Error{File: r.name, Line: r.row.line,
			What: "a quotation mark stands where CSV has none: write two for one, and one on each side of the cell" + r.Plain}
	case len(raw) > r.max:
		return &Error{File: r.name, Line: r.row.line, What: fmt.Sprintf(
			"the row is longer than %d bytes, the most that an example can have: a quotation mark may be missing", r.max,
		)}
	}
	return nil
}

// orPlain is Records.Plain of tables and pairs.
const orPlain = ", or leave out --quoted and give --format tsv if quotation marks mean nothing"

// finalError is one that is not of a single row, which could be left out.
type finalError struct{ e *Error }

func (f *finalError) Error() string { return f.e.Error() }
