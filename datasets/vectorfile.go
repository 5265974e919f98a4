package datasets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// vectorHead is how much of a file of vectors is looked at to find out how it is written: the longest line that may be.
const vectorHead = 1 << 18

// vectorFile reads a file of word vectors from the beginning to the end.
type vectorFile struct {
	vectorReader
	name   string
	size   int // numbers of a vector
	file   *os.File
	zipped bool
	sum    hash.Hash
}

// vectorReader reads words with their vectors.
type vectorReader interface {
	// next is a word and its vector as it is written, both valid until the next call; io.EOF after the last.
	next() (word, vector []byte, err error)

	// numbers reads what next gave last.
	numbers(vector []byte, to []float32) error
}

func (f *vectorFile) Close() error { return errors.WithStack(f.file.Close()) }

// sha256 is that of all that was read.
func (f *vectorFile) sha256() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// failed is the error of reading: what is wrong with compressed data is an *Error.
func (f *vectorFile) failed(err error) error {
	var of *fs.PathError
	if e := (*Error)(nil); errors.As(err, &e) || !f.zipped || errors.As(err, &of) {
		return err
	}
	return &Error{File: f.name, What: fmt.Sprintf("damaged gzip data (%v): copy or download it again", errors.Cause(err))}
}

// openVectors opens a file and finds out how it is written.
func openVectors(path string) (*vectorFile, error) {
	file, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	f := &vectorFile{name: path, file: file, sum: sha256.New()}
	if err := f.begin(); err != nil {
		file.Close()
		return nil, f.failed(err)
	}
	return f, nil
}

func (f *vectorFile) begin() error {
	raw := bufio.NewReaderSize(f.file, 1<<16)
	magic, err := raw.Peek(len(gzipMagic))
	if err != nil && err != io.EOF {
		return errors.WithStack(err)
	}
	from := io.Reader(raw)
	switch {
	case string(magic) == gzipMagic:
		f.zipped = true
		if from, err = gzip.NewReader(raw); err != nil {
			return err
		}
	case strings.HasSuffix(f.name, ".gz") && len(magic) > 0:
		return &Error{File: f.name, What: notGzip}
	}
	r := bufio.NewReaderSize(io.TeeReader(from, f.sum), vectorHead)
	head, err := r.Peek(vectorHead)
	if err != nil && err != io.EOF {
		return errors.WithStack(err)
	}
	return f.recognise(r, head, err == io.EOF)
}

// noVectors is what a file should be.
const noVectors = "want a word and its numbers a line, as GloVe and fastText (.vec) write them, or the binary " +
	"form of word2vec"

// noVectorFile says why a file that begins with head is none of vectors; all says that this is the whole of it.
// "" if it may be one.
func noVectorFile(head []byte, all bool) string {
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case len(trim(head)) == 0:
		return "it is empty: " + noVectors
	case begins("PK\x03\x04"):
		return "it is a zip archive: unpack it, and name the file in it"
	case begins("\xba\x16\x4f\x2f"):
		return "it is a model of fastText: use the file .vec that belongs to it"
	case begins("\xff\xfe") || begins("\xfe\xff"):
		return notText(head, 0)
	case markup(head) != "":
		return markup(head) + ": " + noVectors
	case !all && bytes.IndexByte(head, '\n') < 0:
		return fmt.Sprintf("its first %d bytes have no line break: %s", len(head), noVectors)
	}
	return ""
}

// recognise finds out how a file is written that begins with head; all says that this is the whole of it.
func (f *vectorFile) recognise(r *bufio.Reader, head []byte, all bool) error {
	if what := noVectorFile(head, all); what != "" {
		return &Error{File: f.name, What: what}
	}
	text := bytes.TrimPrefix(head, []byte(byteOrderMark))
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	lines := newLineReader(f.name, r)
	header, is, err := readVectorHeader(f.name, first)
	switch {
	case err != nil:
		return err
	case !is:
		if f.size = commonSize(text, all); f.size < 2 {
			return &Error{File: f.name, Line: 1, What: "it is no word with two numbers or more: " + noVectors}
		}
		f.vectorReader = &textVectors{lines: lines, size: f.size, source: "most of the first lines have"}
		return nil
	}
	f.size = header.size
	if !printable(rest) {
		if _, err := r.Discard(len(head) - len(rest)); err != nil {
			return errors.WithStack(err)
		}
		f.vectorReader = &binaryVectors{name: f.name, r: r, header: header, vector: make([]byte, 4*f.size)}
		return nil
	}
	if _, _, err := lines.readLine(); err != nil {
		return err
	}
	lines.number++
	f.vectorReader = &textVectors{lines: lines, size: f.size, source: "the first line says", header: header}
	return nil
}

// vectorHeader is the first line of word2vec's forms.
type vectorHeader struct{ words, size int }

// readVectorHeader reads the first line of a file; false: it has none.
func readVectorHeader(name string, line []byte) (h vectorHeader, is bool, err error) {
	fields := vectorFields(line)
	if len(fields) != 2 {
		return h, false, nil
	}
	words, err1 := strconv.ParseUint(string(fields[0]), 10, 31)
	size, err2 := strconv.ParseUint(string(fields[1]), 10, 31)
	if err1 != nil || err2 != nil {
		return h, false, nil
	}
	if words < 1 || size < 1 || size > maxColumns {
		return h, false, &Error{File: name, Line: 1, What: fmt.Sprintf(
			"it says %d words of %d numbers: at least 1 word, and 1 to %d numbers, are read", words, size, maxColumns,
		)}
	}
	return vectorHeader{int(words), int(size)}, true, nil
}

// check says whether a file has as many words as its first line says.
func (h vectorHeader) check(name string, words int) error {
	if h.words == 0 || h.words == words {
		return nil
	}
	return &Error{File: name, What: fmt.Sprintf(
		"its first line says %d words, and it has %d: download it again, or correct that line", h.words, words,
	)}
}

// printable says whether what follows the first word of a text, up to the end of the line, is text: numbers of
// the binary form are not, but for a few in a million.
func printable(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		line = line[i:]
	}
	for _, c := range line {
		if (c < ' ' || c > '~') && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// commonSize is how many numbers most of the lines of a text have behind a word; all says that the last line is whole.
func commonSize(text []byte, all bool) int {
	const some = 100 // lines
	counts, best := map[int]int{}, 0
	for range some {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended && !all {
			break
		}
		if fields := vectorFields(line); len(fields) > 1 && isVectorNumber(fields[len(fields)-1]) {
			n := len(fields) - 1
			if counts[n]++; counts[n] > counts[best] || counts[n] == counts[best] && n < best {
				best = n
			}
		}
		if text = rest; !ended {
			break
		}
	}
	if best > maxColumns {
		return 0
	}
	return best
}
