package datasets

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

// MaxLineBytes is the longest line of a table or a parallel text that is read. A longer one is a sign of a
// wrong file, and one training step on it would need more memory than there is.
const MaxLineBytes = 1 << 20

// Skipped counts what a reader left out because it was asked to leave out what it cannot use.
type Skipped struct {
	Count int
	First *Error // nil if there is none
}

// all says that nothing is left.
func (s Skipped) all() string {
	if s.Count == 1 {
		return fmt.Sprintf("the only line had to be left out, because: %v", s.First)
	}
	return fmt.Sprintf("all %s had to be left out, the first because: %v", words.Count(s.Count, "line", "lines"), s.First)
}

// lenient takes note of what is wrong, or fails.
type lenient struct {
	skip    bool
	skipped Skipped
}

// bad is e, or nil if e may be skipped.
func (l *lenient) bad(e *Error) error {
	if !l.skip {
		return e
	}
	if l.skipped.Count++; l.skipped.First == nil {
		l.skipped.First = e
	}
	return nil
}

// lineReader reads the lines of a UTF-8 text of any length. A byte order mark at the start of the text, and the
// CR of CRLF, belong to no line.
type lineReader struct {
	name   string
	r      *bufio.Reader
	max    int   // bytes of a line
	number int   // of the line that was read last, from 1
	offset int64 // of that line in the text, in bytes
	next   int64 // of the line after it
	ended  bool  // that line, by LF
	long   []byte
}

func newLineReader(name string, r io.Reader) *lineReader {
	return &lineReader{name: name, r: bufio.NewReaderSize(r, 1<<16), max: MaxLineBytes}
}

// read gives the next line, valid until the next call, or io.EOF. A line that is too long or no UTF-8 text is
// an *Error, after which the next line can be read. Other errors are final.
func (l *lineReader) read() ([]byte, error) {
	l.number++
	l.offset = l.next
	line, tooLong, err := l.readLine()
	if err != nil {
		return nil, err
	}
	if l.number == 1 && bytes.HasPrefix(line, []byte("\ufeff")) {
		line = line[len("\ufeff"):]
		l.offset += int64(len("\ufeff"))
	}
	if l.number == 1 && !l.ended {
		if wrong := foreignBreaks(line); wrong != "" {
			return nil, &Error{File: l.name, What: wrong}
		}
	}
	switch {
	case tooLong:
		return nil, &Error{File: l.name, Line: l.number, What: fmt.Sprintf(
			"the line is longer than %d bytes, the most that an example can have: cut it, or choose another file", l.max,
		)}
	case !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0:
		return nil, l.notText(line)
	}
	return line, nil
}

// readLine is the next line without its end. Of a line that is too long it is only the beginning.
func (l *lineReader) readLine() (line []byte, tooLong bool, err error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.next += int64(len(part))
		switch {
		case err == bufio.ErrBufferFull:
			if len(l.long) <= l.max {
				l.long = append(l.long, part...)
			}
			continue
		case err != nil && err != io.EOF:
			return nil, false, errors.WithStack(err)
		case err == io.EOF && len(part) == 0 && len(l.long) == 0:
			return nil, false, io.EOF
		}
		if len(l.long) > 0 {
			l.long = append(l.long, part...)
			part = l.long
		}
		part, l.ended = bytes.CutSuffix(part, []byte("\n"))
		part = bytes.TrimSuffix(part, []byte("\r"))
		return part, len(part) > l.max, nil
	}
}

// foreignBreaks says which character seems to end the lines of a text that has no LF; "" if none.
func foreignBreaks(text []byte) string {
	switch {
	case bytes.ContainsRune(text, '\r'):
		return crBreaks
	case bytes.ContainsRune(text, '\u0085'):
		return nelBreaks
	}
	return ""
}

// What is wrong with a text without LF.
const (
	crBreaks  = `its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`
	nelBreaks = `its lines end in NEL (U+0085), as those of mainframes do: convert it, for example with sed 's/\xc2\x85/\n/g'`
)

// notText says where a line is not UTF-8 or has a NUL.
func (l *lineReader) notText(line []byte) *Error {
	e := notTextIn(line, l.offset)
	e.File, e.Line = l.name, l.number
	return e
}

// notTextIn says where in a line, which begins at an offset in its text, is what is not UTF-8 or NUL; nil if
// nothing is.
func notTextIn(line []byte, offset int64) *Error {
	for at, col := 0, 1; at < len(line); col++ {
		r, size := utf8.DecodeRune(line[at:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return &Error{Col: col, What: notText(line[at:], offset+int64(at))}
		}
		at += size
	}
	return nil
}

// notText says what is wrong with bytes of which the first is NUL or no part of UTF-8, at an offset in a text.
func notText(b []byte, offset int64) string {
	const utf16 = "it looks like UTF-16: convert it, for example with iconv -f UTF-16"
	switch {
	case offset == 0 && bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")),
		bytes.HasPrefix(b, []byte("\x00\x00\xfe\xff")) && offset == 0:
		return fmt.Sprintf(
			"byte 0 (%#02x) is not UTF-8, it looks like UTF-32: convert it, for example with iconv -f UTF-32 -t UTF-8", b[0],
		)
	case offset == 0 && (b[0] == 0xff || b[0] == 0xfe):
		return fmt.Sprintf("byte 0 (%#02x) is not UTF-8, %s -t UTF-8", b[0], utf16)
	case offset < 2 && b[0] == 0 && len(b) > 2 && b[1] != 0 && b[2] == 0: // letters of ASCII, without a byte order mark
		return fmt.Sprintf("byte %d is NUL, %s%s -t UTF-8", offset, utf16, map[int64]string{0: "BE", 1: "LE"}[offset])
	case b[0] == 0:
		return fmt.Sprintf("byte %d is NUL, so this is not text: choose another file", offset)
	}
	return fmt.Sprintf("byte %d (%#02x) is not UTF-8: convert the text to UTF-8, for example with iconv, or "+
		"choose another file", offset, b[0])
}

// trim is s without the white space around it, of any kind, and without byte order marks there, which files
// that were joined have. All that reads examples trims them so.
func trim(s []byte) []byte { return bytes.TrimFunc(s, isBlank) }

func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }

// Lines reads texts, one a line, by the rules of files of examples: without white space around them, without a
// byte order mark, CRLF or LF at the end. What is no text, markup, and a line that is too long are an *Error.
type Lines struct {
	// Column is which part of a line with tabs is the text, from 1, as in a table; 0: all of it.
	Column int

	// Tabs is in how many lines there was more than that column.
	Tabs int

	// Doubt says what the first line seems to be besides a text: "" if nothing.
	Doubt string

	// Max is how many bytes a line may have; 0: MaxLineBytes.
	Max int

	lines *lineReader
	begun bool
}

// NewLines reads lines from r. Errors call it by name.
func NewLines(name string, r io.Reader) *Lines { return &Lines{lines: newLineReader(name, r)} }

// Line is the number of the line that was read last, from 1.
func (l *Lines) Line() int { return l.lines.number }

// Read gives the next text, "" for a blank line, or io.EOF.
func (l *Lines) Read() (string, error) {
	if l.Max > 0 {
		l.lines.max = l.Max
	}
	line, err := l.lines.read()
	if err != nil {
		return "", err
	}
	if !l.begun && len(trim(line)) > 0 {
		l.begun = true
		if what := markup(line); what != "" {
			return "", &Error{File: l.lines.name, Line: l.lines.number,
				What: what + ", and a text is wanted, a line each: convert it"}
		}
		l.Doubt = doubtfulLine(line)
	}
	if l.Column > 0 && bytes.IndexByte(line, '\t') >= 0 {
		cells := bytes.Split(line, []byte("\t"))
		if len(cells) < l.Column {
			return "", &Error{File: l.lines.name, Line: l.lines.number, What: fmt.Sprintf("%d columns, and the text of a line "+
				"with tabs is column %d, as in the training data: complete it", len(cells), l.Column)}
		}
		l.Tabs++
		line = cells[l.Column-1]
	}
	return string(trim(line)), nil
}

// doubtfulLine says what a line seems to be besides a text; "" if nothing.
func doubtfulLine(line []byte) string {
	if jsonStart.Match(line) {
		return "begins as JSON does"
	}
	for _, delimiter := range []string{"\t", ",", ";", "|"} {
		cells := strings.Split(string(line), delimiter)
		for i, cell := range cells {
			cells[i] = strings.TrimFunc(cell, isBlank)
		}
		if slices.ContainsFunc(cells, func(cell string) bool { return strings.ContainsFunc(cell, isBlank) }) {
			continue // of a sentence
		}
		if len(headerNames(cells, tableRoles)) > 1 || len(headerNames(cells, pairRoles)) > 1 {
			return "has the names of columns"
		}
	}
	return ""
}

// Ready says whether a whole line can be read without waiting for whoever writes it, who may wait for an answer.
func (l *Lines) Ready() bool {
	ready, _ := l.lines.r.Peek(l.lines.r.Buffered())
	return bytes.IndexByte(ready, '\n') >= 0
}
