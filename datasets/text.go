package datasets

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// MaxTextBytes is the longest text that is read, uncompressed. It guards memory against a wrong file and a gzip bomb.
const MaxTextBytes = 1 << 30

// Text is a text in memory, as characters.
//
// A byte order mark at the start is dropped and CRLF becomes LF, so that a text has the same characters whatever system wrote
// it; a lone CR stays. Everything else is kept as it is.
type Text struct {
	Name   string // the file, or what a message should call the text
	SHA256 string // of the file's bytes, uncompressed, in hexadecimal
	Runes  []rune
}

// ReadText reads a UTF-8 text from a file, plain or compressed by gzip. Contents that begin with gzip's magic number are
// gzip whatever the file is called; no UTF-8 text begins so.
//
// Empty texts, invalid UTF-8, NUL characters and damaged gzip data are an *Error.
func ReadText(path string) (*Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer f.Close()

	data, err := readPlain(f, path)
	if err != nil {
		return nil, err
	}
	return newText(path, data)
}

// readPlain is what a file holds or, if it holds gzip data, what those hold.
func readPlain(f io.Reader, path string) ([]byte, error) {
	raw, err := readCapped(f, path)
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(raw, []byte(gzipMagic)):
		return gunzip(raw, path)
	case strings.HasSuffix(path, ".gz") && len(raw) > 0:
		return nil, &Error{File: path, What: "the name ends in .gz, the contents are not gzip: download it again, or rename it if it is not compressed"}
	}
	return raw, nil
}

// gzipMagic begins gzip data.
const gzipMagic = "\x1f\x8b"

// NewText is a text that is already in memory, with the rules of ReadText.
func NewText(name, s string) (*Text, error) { return newText(name, []byte(s)) }

func newText(name string, data []byte) (*Text, error) {
	runes, err := decode(data, name)
	if err != nil {
		return nil, err
	}
	return &Text{Name: name, SHA256: sha256Hex(data), Runes: runes}, nil
}

// Position is the line and column of character i, both from 1.
func (t *Text) Position(i int) (line, col int) {
	line, start := 1, 0
	for j, r := range t.Runes[:i] {
		if r == '\n' {
			line, start = line+1, j+1
		}
	}
	return line, i - start + 1
}

func gunzip(raw []byte, name string) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err == nil {
		var plain []byte
		if plain, err = readCapped(z, name); err == nil {
			return plain, nil
		}
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
	}
	return nil, &Error{File: name, What: fmt.Sprintf("damaged gzip data (%v): copy or download it again", errors.Cause(err))}
}

func readCapped(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxTextBytes+1))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if len(data) > MaxTextBytes {
		return nil, &Error{File: name, What: fmt.Sprintf("longer than %d bytes, the most that is read at once: use a part of it", MaxTextBytes)}
	}
	return data, nil
}

// decode is the characters of data. Offsets in its errors count bytes of data, the byte order mark included.
func decode(data []byte, name string) ([]rune, error) {
	rest := bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(rest) == 0 {
		return nil, &Error{File: name, What: "the text is empty: choose another file"}
	}
	runes := make([]rune, 0, utf8.RuneCount(rest))
	line, start := 1, 0 // start is where the line begins, in runes
	for len(rest) > 0 {
		r, size := utf8.DecodeRune(rest)
		at := len(data) - len(rest)
		switch {
		case r == 0 || r == utf8.RuneError && size == 1:
			return nil, &Error{File: name, Line: line, Col: len(runes) - start + 1, What: notText(rest[0], int64(at))}
		case r == '\r' && len(rest) > 1 && rest[1] == '\n': // CRLF: the LF alone
		default:
			runes = append(runes, r)
		}
		if r == '\n' {
			line, start = line+1, len(runes)
		}
		rest = rest[size:]
	}
	return runes, nil
}
