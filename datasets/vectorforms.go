package datasets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/pkg/errors"
)

// textVectors are those of a text: a word and its numbers a line, with spaces or tabs between.
type textVectors struct {
	lines  *lineReader
	size   int
	source string // what says that this is the size
	header vectorHeader
	words  int
}

func (t *textVectors) next() (word, vector []byte, err error) {
	for {
		t.lines.number++
		line, tooLong, err := t.lines.readLine()
		switch {
		case err == io.EOF:
			if err := t.header.check(t.lines.name, t.words); err != nil {
				return nil, nil, err
			}
			return nil, nil, io.EOF
		case err != nil:
			return nil, nil, err
		case tooLong:
			return nil, nil, t.wrong(fmt.Sprintf("the line is longer than %d bytes: download the file again", MaxLineBytes))
		}
		if t.lines.number == 1 {
			line = bytes.TrimPrefix(line, []byte(byteOrderMark))
		}
		if line = bytes.TrimRight(line, vectorBlanks); len(line) == 0 {
			continue
		}
		t.words++
		return t.cut(line)
	}
}

// cut finds where the word ends. There may be blanks in it, as in ". . .", so its end is where the numbers begin.
func (t *textVectors) cut(line []byte) (word, vector []byte, err error) {
	if i := bytes.IndexAny(line, vectorBlanks); i > 0 {
		if n := bytes.Count(line[i+1:], []byte(" ")) + bytes.Count(line[i+1:], []byte("\t")); n == t.size-1 {
			return line[:i], line[i+1:], nil
		}
	}
	fields := vectorFields(line)
	n := len(fields) - t.size
	if n < 1 || n > 1 && isVectorNumber(fields[n-1]) {
		return nil, nil, t.wrong(fmt.Sprintf("it has %d columns, a word and %d numbers are wanted, as %s: correct it, or "+
			"download the file again",
			len(fields), t.size, t.source))
	}
	return bytes.Join(fields[:n], []byte(" ")), bytes.Join(fields[n:], []byte(" ")), nil
}

func (t *textVectors) numbers(vector []byte, to []float32) error {
	fields := vectorFields(vector)
	if len(fields) != len(to) {
		return t.wrong(fmt.Sprintf("it has %d numbers, and %d are wanted: download the file again", len(fields), len(to)))
	}
	for i, field := range fields {
		x, err := strconv.ParseFloat(string(field), 32)
		if err != nil || !isFinite32(x) {
			return t.wrong(fmt.Sprintf("%q is no finite number: correct it, or download the file again", field))
		}
		to[i] = float32(x)
	}
	return nil
}

func (t *textVectors) wrong(what string) error {
	return &Error{File: t.lines.name, Line: t.lines.number, What: what}
}

// vectorBlanks are what is between the columns of a line. Other white space is a part of words.
const vectorBlanks = " \t"

func vectorFields(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
}

// isVectorNumber says whether a column is a number, and no word such as "nan".
func isVectorNumber(field []byte) bool {
	x, err := strconv.ParseFloat(string(field), 32)
	return err == nil && isFinite32(x)
}

func isFinite32(x float64) bool { return math.Abs(x) <= math.MaxFloat32 } // which no NaN is

// binaryVectors are those of word2vec's binary form: a word, a space and its numbers, with or without a line
// break between.
type binaryVectors struct {
	name   string
	r      *bufio.Reader
	header vectorHeader
	words  int
	breaks bool // each word but the first stands behind a line break
	word   []byte
	vector []byte
}

// maxVectorWord is the longest word of the binary form, in bytes. A longer one is a sign of a wrong file.
const maxVectorWord = 1 << 12

func (b *binaryVectors) next() (word, vector []byte, err error) {
	broken, err := b.skipBreak()
	if err == io.EOF {
		if err := b.header.check(b.name, b.words); err != nil {
			return nil, nil, err
		}
		return nil, nil, io.EOF
	} else if err != nil {
		return nil, nil, err
	}
	if b.words == b.header.words {
		return nil, nil, b.wrong(fmt.Sprintf("there is more than the %d words that the first line says: download it again",
			b.header.words))
	}
	if b.words == 1 {
		b.breaks = broken
	} else if b.words > 1 && b.breaks != broken {
		return nil, nil, b.wrong(fmt.Sprintf("word %d does not begin where those before do: there may be a blank in word %d, "+
			"which the binary form does not allow: write _ for it, or use the form of texts", b.words+1, b.words))
	}
	b.words++
	part, err := b.r.ReadSlice(' ')
	switch {
	case err == bufio.ErrBufferFull || len(part) > maxVectorWord:
		return nil, nil, b.wrong(fmt.Sprintf(
			"word %d is longer than %d bytes: it is not the binary form of word2vec, or damaged", b.words, maxVectorWord,
		))
	case err == io.EOF:
		return nil, nil, b.cut()
	case err != nil:
		return nil, nil, errors.WithStack(err)
	}
	b.word = append(b.word[:0], part[:len(part)-1]...)
	if _, err := io.ReadFull(b.r, b.vector); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, nil, b.cut()
	} else if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	return b.word, b.vector, nil
}

// skipBreak skips the line breaks before a word, and says whether there were any.
func (b *binaryVectors) skipBreak() (broken bool, err error) {
	for ; ; broken = true {
		c, err := b.r.ReadByte()
		switch {
		case err == io.EOF:
			return broken, err
		case err != nil:
			return broken, errors.WithStack(err)
		case c != '\n':
			return broken, errors.WithStack(b.r.UnreadByte())
		}
	}
}

// cut says that the file ends too early.
func (b *binaryVectors) cut() error {
	return b.wrong(fmt.Sprintf("it ends within word %d of the %d that its first line says: download it again", b.words,
		b.header.words))
}

func (b *binaryVectors) numbers(vector []byte, to []float32) error {
	for i := range to {
		to[i] = math.Float32frombits(binary.LittleEndian.Uint32(vector[4*i:]))
		if !isFinite32(float64(to[i])) {
			return b.wrong(fmt.Sprintf("number %d of word %d is %g: download it again", i+1, b.words, to[i]))
		}
	}
	return nil
}

func (b *binaryVectors) wrong(what string) error { return &Error{File: b.name, What: what} }
