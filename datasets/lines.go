package datasets

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// MaxLineBytes is the longest line of a table or a parallel text that is read. A longer one is a sign of a wrong file, and one
// training step on it would need more memory than there is.
const MaxLineBytes = 1 << 20

// Skipped counts what a reader left out because it was asked to leave out what it cannot use.
type Skipped struct {
	Count int
	First *Error // nil if there is none
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

// lineReader reads the lines of a UTF-8 text of any length. A byte order mark at the start of the text, and the CR of CRLF,
// belong to no line.
type lineReader struct {
	name   string
	r      *bufio.Reader
	number int   // of the line that was read last, from 1
	offset int64 // of that line in the text, in bytes
	next   int64 // of the line after it
	long   []byte
}

func newLineReader(name string, r io.Reader) *lineReader {
	return &lineReader{name: name, r: bufio.NewReaderSize(r, 1<<16)}
}

// read gives the next line, valid until the next call, or io.EOF. A line that is too long or no UTF-8 text is an *Error, after
// which the next line can be read. Other errors are final.
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
	switch {
	case tooLong:
		return nil, &Error{File: l.name, Line: l.number, What: fmt.Sprintf("the line is longer than %d bytes, the most that an example can have: cut it, or choose another file", MaxLineBytes)}
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
			if len(l.long) <= MaxLineBytes {
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
		part = bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
		return part, len(part) > MaxLineBytes, nil
	}
}

// notText says where a line is not UTF-8 or has a NUL.
func (l *lineReader) notText(line []byte) *Error {
	e := &Error{File: l.name, Line: l.number, Col: 1}
	for at := 0; at < len(line); e.Col++ {
		r, size := utf8.DecodeRune(line[at:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			e.What = notText(line[at], l.offset+int64(at))
			return e
		}
		at += size
	}
	return e
}

// notText says what is wrong with a byte that is NUL or no part of UTF-8, at an offset in a text.
func notText(b byte, offset int64) string {
	switch {
	case b == 0:
		return fmt.Sprintf("byte %d is NUL, so this is not text: choose another file", offset)
	case offset == 0 && (b == 0xff || b == 0xfe):
		return fmt.Sprintf("byte 0 (%#02x) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8", b)
	}
	return fmt.Sprintf("byte %d (%#02x) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file", offset, b)
}
