package datasets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// contents are those of a file, uncompressed, in memory or not.
type contents struct {
	io.ReaderAt
	size   int64
	file   *os.File    // nil: in memory
	was    os.FileInfo // of the file, when it was opened
	markup string      // what it begins with in words, if that is markup
}

// changed says whether a file on the disk is not what it was. Contents that were changed within the resolution of the file system's clock
// and have the same size are not noticed.
func (c *contents) changed() bool {
	if c.file == nil {
		return false
	}
	now, err := c.file.Stat()
	return err != nil || now.Size() != c.was.Size() || !now.ModTime().Equal(c.was.ModTime())
}

func (c *contents) reader() io.Reader { return io.NewSectionReader(c, 0, c.size) }

// openContents keeps a file open if it is plain and longer than hold, and otherwise reads all of it.
func openContents(path string, hold int64) (*contents, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, errors.WithStack(err)
	}
	r := bufio.NewReader(f)
	head, _ := r.Peek(headBytes)
	if info.Size() > max(hold, 1) && !bytes.HasPrefix(head, []byte(gzipMagic)) && !strings.HasSuffix(path, ".gz") {
		return &contents{ReaderAt: f, size: info.Size(), file: f, was: info, markup: markup(head)}, nil
	}
	defer f.Close()
	data, err := readPlain(r, path)
	if err != nil {
		return nil, err
	}
	return &contents{ReaderAt: bytes.NewReader(data), size: int64(len(data)), markup: markup(data)}, nil
}

// headBytes are enough to tell markup by.
const headBytes = 512

// gzipMagic begins gzip data.
const gzipMagic = "\x1f\x8b"

// readPlain is what a file holds or, if it holds gzip data, what those hold.
func readPlain(f io.Reader, path string) ([]byte, error) {
	raw, err := readCapped(f, path, "use a part of it")
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

func gunzip(raw []byte, name string) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err == nil {
		var plain []byte
		if plain, err = readCapped(z, name, "uncompress it, or use a part of it"); err == nil {
			return plain, nil
		}
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
	}
	return nil, &Error{File: name, What: fmt.Sprintf("damaged gzip data (%v): copy or download it again", errors.Cause(err))}
}

func readCapped(r io.Reader, name, next string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxTextBytes+1))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if len(data) > MaxTextBytes {
		return nil, &Error{File: name, What: fmt.Sprintf("longer than %d bytes, the most that is read at once: %s", MaxTextBytes, next)}
	}
	return data, nil
}
