package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

// scan reads the rows of a table or of pairs.
type scan struct {
	name      string
	roles     *roles
	format    Format
	lenient   *lenient
	plain     bool // lines with tabs, in which quotation marks have no meaning
	delimiter rune // of records
	columns   *columns
	first     *row  // copied
	again     []int // lines that have the cells of the header again
	profile   profile
	quotes    quotes
	notes     []string
	sum       string // of all that was read
}

// rows visits the rows of contents that are not blank, but the header, with the two cells that are wanted:
// neither is empty.
func (s *scan) rows(c *contents, visit func(r *row, cells [2][]byte) error) error {
	sum := sha256.New()
	var from rowReader
	if s.plain = !s.format.csv(s.name) && !s.format.Quoted; s.plain {
		from = &tabbed{lines: newLineReader(s.name, io.TeeReader(c.reader(), sum))}
	} else {
		data, err := readCapped(io.TeeReader(c.reader(), sum), c.size, s.name, "use a part of it")
		if err != nil {
			return err
		}
		delimiter := rune(0)
		if s.format.Quoted {
			delimiter = '\t'
		}
		records := NewRecords(s.name, data, delimiter, MaxLineBytes)
		records.Plain, s.delimiter = orPlain, records.Delimiter()
		from = records
	}
	for {
		r, err := from.next()
		if err == io.EOF {
			break
		}
		var final *finalError
		var e *Error
		switch {
		case errors.As(err, &final):
			return final.e
		case errors.As(err, &e):
			err = s.lenient.bad(e)
		case err == nil && !r.blank():
			err = s.row(r, visit)
		}
		if err != nil {
			return err
		}
	}
	s.sum = hex.EncodeToString(sum.Sum(nil))
	if s.columns != nil {
		s.notes = append(s.notes, s.columns.notes...)
	}
	s.notes = append(s.notes, s.quotes.note(s.name)...)
	if n := len(s.again); n > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%s: %s the names of the columns again: left out, from line %d on", s.name,
			words.Count(n, "line has", "lines have"), s.again[0]))
	}
	return nil
}

func hasCR(cell []byte) bool { return bytes.IndexByte(cell, '\r') >= 0 }

// isHeader says whether a row has the cells of the header, as in a file that was put together of several.
func (s *scan) isHeader(r *row) bool {
	return s.first != nil && slices.EqualFunc(r.cells, s.first.cells, func(a, b []byte) bool {
		return bytes.Equal(trim(a), trim(b))
	})
}

// row visits a row that is not blank.
func (s *scan) row(r *row, visit func(r *row, cells [2][]byte) error) (err error) {
	if s.columns == nil {
		if what := markup(r.cells[0]); what != "" {
			return &Error{File: s.name, Line: r.line, What: what + ": convert it, " + s.roles.line}
		}
		if s.columns, err = s.format.choose(s.name, r, s.roles); err != nil {
			return err
		}
		if s.columns.header != nil {
			s.first = &row{line: r.line}
			for _, c := range r.cells {
				s.first.cells = append(s.first.cells, bytes.Clone(c))
			}
			return nil
		}
	}
	if s.isHeader(r) {
		s.again = append(s.again, r.line)
		return nil
	}
	what := s.wrong(r)
	if s.plain {
		if s.quotes.add(r, what != "") {
			return &Error{File: s.name, Line: r.line, What: "a cell in quotation marks goes on from the line before: give " +
				"--quoted, which reads cells as spreadsheets write them"}
		}
	}
	if what != "" {
		return s.lenient.bad(&Error{File: s.name, Line: r.line, What: what})
	}
	s.profile.add(r)
	return visit(r, [2][]byte{trim(r.cells[s.columns.at[0]]), trim(r.cells[s.columns.at[1]])})
}

// wrong says why a row cannot be used; "" if it can.
func (s *scan) wrong(r *row) string {
	n, at := len(r.cells), s.columns.at
	switch missing := max(at[0], at[1]) + 1; {
	case n == 1 && s.plain && openQuote(r.cells[0]):
		return "no tab: " + s.roles.line + "; a cell in quotation marks that has line breaks is read with --quoted"
	case n == 1 && s.plain && JSON(r.cells[0], s.roles.names) != "":
		return JSON(r.cells[0], s.roles.names)
	case n == 1 && s.plain && bytes.ContainsAny(r.cells[0], ",;"):
		return "no tab: " + s.roles.line + "; of a file with commas or semicolons give --format csv"
	case n == 1 && s.plain:
		return "no tab: " + s.roles.line
	case n < missing:
		return fmt.Sprintf("%s, and column %d is wanted: complete the row, or correct --columns",
			words.Count(n, "column", "columns"), missing)
	case s.plain && n > 2 && slices.ContainsFunc(r.cells[1:n-1], hasCR):
		return "a CR alone ends a line within it, and LF ends others: convert the file, for example with tr '\\r' '\\n'"
	case n > s.columns.width && !s.plain:
		return fmt.Sprintf("%s, and the first row has %d: remove what is too much, or write quotation marks around cells "+
			"that have %s in them", words.Count(n, "column", "columns"), s.columns.width, delimiterName(s.delimiter))
	}
	for i, name := range s.roles.names {
		if len(trim(r.cells[at[i]])) == 0 {
			where := fmt.Sprintf("in column %d", at[i]+1)
			if s.plain && !s.columns.chosen && at == [2]int{0, 1} {
				where = [2]string{"before the tab", "after the tab"}[i]
			}
			return fmt.Sprintf("the %s %s is empty: remove the line or complete it", name, where)
		}
	}
	for n > 0 && len(trim(r.cells[n-1])) == 0 {
		n--
	}
	if n > max(s.columns.width, at[0]+1, at[1]+1) && (s.roles.regular || !s.columns.wanted) {
		next := "remove what is too much"
		if !s.roles.regular {
			next += fmt.Sprintf(", or give --columns %d,%d to leave it out", at[0]+1, at[1]+1)
		}
		return fmt.Sprintf("%s, and the first row has %d: %s", words.Count(n, "column", "columns"), s.columns.width, next)
	}
	return ""
}

// quotes finds cells that seem to be quoted as those of CSV are, where they are not read so.
type quotes struct {
	cells int
	first int  // the line of the first
	open  bool // the row before could not be used, and its last cell began with a quotation mark that was not closed
}

// add looks at a row; bad says that it cannot be used. It is true if the row is the rest of the one before.
func (q *quotes) add(r *row, bad bool) (rest bool) {
	if q.open && bytes.Count(r.cells[0], []byte(`"`))%2 == 1 {
		return true
	}
	last := r.cells[len(r.cells)-1]
	q.open = bad && openQuote(last)
	for _, c := range r.cells {
		if n := len(c); n > 1 && c[0] == '"' && c[n-1] == '"' &&
			bytes.Count(c[1:n-1], []byte(`""`))*2 == bytes.Count(c[1:n-1], []byte(`"`)) {
			if q.cells++; q.first == 0 {
				q.first = r.line
			}
		}
	}
	return false
}

// openQuote says whether a cell begins with a quotation mark that is not closed.
func openQuote(cell []byte) bool {
	return bytes.HasPrefix(cell, []byte(`"`)) && bytes.Count(cell, []byte(`"`))%2 == 1
}

func (q *quotes) note(name string) []string {
	switch q.cells {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("%s: a cell of line %d is in quotation marks, which are kept; if a spreadsheet wrote "+
			"them, give --quoted", name, q.first)}
	}
	return []string{fmt.Sprintf("%s: %d cells are in quotation marks, which are kept, the first in line %d; if a "+
		"spreadsheet wrote them, give --quoted", name, q.cells, q.first)}
}
