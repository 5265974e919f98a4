package datasets

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

// MaxTextBytes is the longest text that is read into memory, uncompressed. It guards memory against a wrong
// file and a gzip bomb.
const MaxTextBytes = 1 << 30

// MaxHeldText is the longest plain file of a text that is kept in memory.
const MaxHeldText = 64 << 20

// A text is cut into blocks of at least blockBytes, each of which ends with white space that the next does not
// go on with, or is maxBlockBytes long if there is none.
const (
	blockBytes    = 16 << 10
	maxBlockBytes = 32 << 10
)

// Text is a text of characters, or a part of one. Plain files of more than MaxHeldText stay on the disk: for
// each 16 KiB a few bytes are kept in memory. What is smaller or compressed is kept in memory.
//
// A byte order mark at the start is dropped and CRLF becomes LF, so that a text has the same characters
// whatever system wrote it; a lone CR stays, but in a text without LF it is an error. Everything else is kept
// as it is.
type Text struct {
	Name   string // the file, or what a message should call the text
	SHA256 string // of the file's bytes, uncompressed, in hexadecimal

	contents *contents
	blocks   []place      // where each begins; the last is the end
	counts   map[rune]int // how often each character occurs in the whole text
}

// place is a place in a text: so many bytes of its contents and so many characters come before.
type place struct {
	offset int64
	chars  int
}

// ReadText reads a UTF-8 text from a file, plain or compressed by gzip. Contents that begin with gzip's magic
// number are gzip whatever the file is called; no UTF-8 text begins so. Close must be called.
//
// Empty texts, invalid UTF-8, NUL characters and damaged gzip data are an *Error.
func ReadText(path string) (*Text, error) { return readText(path, MaxHeldText) }

// OpenText is ReadText of which a plain file stays on the disk however short it is.
func OpenText(path string) (*Text, error) { return readText(path, 0) }

func readText(path string, hold int64) (*Text, error) {
	c, err := openContents(path, hold)
	if err != nil {
		return nil, err
	}
	t := &Text{Name: path, contents: c}
	if err := t.scan(c.reader()); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// NewText is a text that is already in memory, with the rules of ReadText.
func NewText(name, s string) (*Text, error) {
	t := &Text{Name: name, contents: &contents{ReaderAt: strings.NewReader(s), size: int64(len(s))}}
	return t, t.scan(t.contents.reader())
}

// Close closes the file, if the text has one open. Parts of the text share it.
func (t *Text) Close() error {
	if t.InMemory() {
		return nil
	}
	return errors.WithStack(t.contents.file.Close())
}

// Len is the number of characters.
func (t *Text) Len() int { return t.blocks[len(t.blocks)-1].chars - t.blocks[0].chars }

// Notes say which characters of the whole text are perhaps there by mistake, and are kept.
func (t *Text) Notes() (notes []string) {
	controls := 0 // of Unicode's second block, where Windows-1252 has quotation marks and dashes
	for c, n := range t.counts {
		if c >= 0x80 && c < 0xa0 && c != '\u0085' {
			controls += n
		}
	}
	for _, x := range []struct {
		count int
		what  string
	}{
		{t.counts['\r'], "CR that is not followed by LF: perhaps some lines end in it"},
		{t.counts[utf8.RuneError], "U+FFFD, which stands for what a conversion could not read: convert the original anew"},
		{controls, "U+0080 to U+009F: perhaps the text was Windows-1252, and was converted as Latin-1"},
	} {
		if x.count > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s of %s", t.Name, words.Count(x.count, "character", "characters"), x.what))
		}
	}
	return notes
}

// InMemory says whether the text does not need the disk.
func (t *Text) InMemory() bool { return t.contents.file == nil }

// scan reads the whole text, checks it, counts its characters and cuts it into blocks.
func (t *Text) scan(from io.Reader) error {
	sum := sha256.New()
	var few [0x800]int // of the characters that most texts have; a map takes its time
	t.counts = map[rune]int{}
	var last place
	space := false // is before c
	err := t.walkAll(io.TeeReader(from, sum), func(c rune, before, after place) bool {
		if t.blocks == nil {
			t.blocks = []place{before}
		}
		length := before.offset - t.blocks[len(t.blocks)-1].offset
		if length >= maxBlockBytes || length >= blockBytes && space && !unicode.IsSpace(c) {
			t.blocks = append(t.blocks, before)
		}
		space = unicode.IsSpace(c)
		if int(c) < len(few) {
			few[c]++
		} else {
			t.counts[c]++
		}
		last = after
		return true
	})
	switch {
	case err != nil:
		return err
	case last.chars == 0:
		return &Error{File: t.Name, What: "the text is empty: choose another file"}
	case t.blocks[len(t.blocks)-1] != last:
		t.blocks = append(t.blocks, last)
	}
	for c, n := range few {
		if n > 0 {
			t.counts[rune(c)] = n
		}
	}
	switch {
	case t.counts['\n'] > 0:
	case t.counts['\r'] > 0:
		return &Error{File: t.Name, What: crBreaks}
	case t.counts['\u0085'] > 0:
		return &Error{File: t.Name, What: nelBreaks}
	}
	t.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if t.contents.changed() {
		return t.changed()
	}
	return nil
}

// walkAll walks through a whole text.
func (t *Text) walkAll(from io.Reader, visit func(c rune, before, after place) bool) error {
	r := bufio.NewReaderSize(from, 1<<16)
	var begin place
	if mark, _ := r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		r.Discard(len(mark))
		begin.offset = int64(len(mark))
	}
	return t.walk(r, begin, visit)
}

// walk visits the characters from a place on, and the places before and after each, until visit has seen
// enough. Its errors count lines from there.
func (t *Text) walk(r *bufio.Reader, before place, visit func(c rune, before, after place) bool) error {
	line, start := 1, before.chars // start is where the line begins, in characters
	after := before
	for {
		c, size, err := r.ReadRune()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.WithStack(err)
		}
		if c == 0 || c == utf8.RuneError && size == 1 {
			r.UnreadRune()
			bad, _ := r.Peek(4)
			return &Error{File: t.Name, Line: line, Col: before.chars - start + 1, What: notText(bad, after.offset)}
		}
		after.offset += int64(size)
		if c == '\r' {
			if next, _ := r.Peek(1); len(next) == 1 && next[0] == '\n' {
				continue // CRLF: the LF alone
			}
		}
		after.chars++
		if !visit(c, before, after) {
			return nil
		}
		if c == '\n' {
			line, start = line+1, after.chars
		}
		before = after
	}
}

const byteOrderMark = "\ufeff"

// block reads block i.
func (t *Text) block(i int) (string, error) {
	data, err := t.raw(i)
	if err != nil {
		return "", err
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if !t.InMemory() && (!utf8.Valid(data) || utf8.RuneCount(data) != t.blocks[i+1].chars-t.blocks[i].chars) {
		return "", t.changed()
	}
	return string(data), nil
}

// raw reads the bytes of block i.
func (t *Text) raw(i int) ([]byte, error) {
	data := make([]byte, t.blocks[i+1].offset-t.blocks[i].offset)
	switch _, err := t.contents.ReadAt(data, t.blocks[i].offset); {
	case err == io.EOF:
		return nil, t.changed()
	case err != nil:
		return nil, errors.WithStack(err)
	case t.contents.changed():
		return nil, t.changed()
	}
	return data, nil
}

func (t *Text) changed() error {
	return &Error{File: t.Name, What: "the file has changed while it was used: leave it as it is, and repeat the command"}
}

// Blocks are the parts, one after the other, that the text is cut into: each ends with white space, unless
// there is none for a very long time. If one cannot be read, that is the last, and failed is why.
func (t *Text) Blocks(failed *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(t.blocks) - 1 {
			s, err := t.block(i)
			if err != nil {
				*failed = err
				return
			}
			if !yield(s) {
				return
			}
		}
	}
}

// Cut cuts the text at characters, in ascending order, into one part more. With words, it cuts behind the next
// white space instead.
func (t *Text) Cut(words bool, at ...int) ([]*Text, error) {
	ends := []place{t.blocks[0]}
	for _, chars := range at {
		p, err := t.place(chars, words)
		if err != nil {
			return nil, err
		}
		ends = append(ends, p)
	}
	ends = append(ends, t.blocks[len(t.blocks)-1])
	parts := make([]*Text, len(at)+1)
	for i := range parts {
		from, to := ends[i], ends[i+1]
		part := *t
		part.blocks = []place{from}
		for _, b := range t.blocks {
			if b.offset > from.offset && b.offset < to.offset {
				part.blocks = append(part.blocks, b)
			}
		}
		if to != from {
			part.blocks = append(part.blocks, to)
		}
		parts[i] = &part
	}
	return parts, nil
}

// place finds the place before a character or, with words, the first there or after it that has white space
// before it, if that is near.
func (t *Text) place(char int, words bool) (place, error) {
	if t.Len() == 0 {
		return t.blocks[0], nil
	}
	char += t.blocks[0].chars
	i := sort.Search(len(t.blocks)-2, func(i int) bool { return t.blocks[i+1].chars > char })
	data, err := t.raw(i)
	if err != nil {
		return place{}, err
	}
	at, space := t.blocks[i], true // before a block there is white space
	here := at
	found := func() bool { return at.chars >= char && (!words || space) }
	if found() {
		return at, nil
	}
	if err := t.walk(bufio.NewReader(bytes.NewReader(data)), at, func(c rune, _, after place) bool {
		if at, space = after, unicode.IsSpace(c); at.chars == char {
			here = at
		}
		return !found()
	}); err != nil { // it was a text when it was scanned
		return place{}, t.changed()
	}
	if words && !space { // there is none in the block: a word of thousands of characters is none
		return here, nil
	}
	return at, nil
}

// Position is the line and column of character i in the file, both from 1.
func (t *Text) Position(i int) (line, col int, err error) {
	i += t.blocks[0].chars
	line, start := 1, 0
	err = t.walkAll(io.NewSectionReader(t.contents, 0,
		t.blocks[len(t.blocks)-1].offset), func(c rune, before, after place) bool {
		if c == '\n' && before.chars < i {
			line, start = line+1, after.chars
		}
		return after.chars < i
	})
	return line, i - start + 1, err
}
