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

// changed says whether a file on the disk is not what it was. Contents that were changed within the resolution
// of the file system's clock and have the same size are not noticed.
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
		if what := foreign(head); what != "" {
			f.Close()
			return nil, &Error{File: path, What: what}
		}
		return &contents{ReaderAt: f, size: info.Size(), file: f, was: info, markup: markup(head)}, nil
	}
	defer f.Close()
	data, err := readPlain(r, info.Size(), path)
	if err != nil {
		return nil, err
	}
	return &contents{ReaderAt: bytes.NewReader(data), size: int64(len(data)), markup: markup(data)}, nil
}

// ReadFile is what a regular file holds, plain or, of one compressed by gzip, uncompressed. More than
// MaxTextBytes, and damaged gzip data, are an *Error.
func ReadFile(path string) ([]byte, error) {
	file, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	return readPlain(file, info.Size(), path)
}

// headBytes are enough to tell markup and other formats by.
const headBytes = 512

// gzipMagic begins gzip data.
const gzipMagic = "\x1f\x8b"

const notGzip = "the name ends in .gz, the contents are not gzip: download it again, or rename it if it is " +
	"not compressed"

// readPlain is what a file of a size holds or, if it holds gzip data, what those hold.
func readPlain(f io.Reader, size int64, path string) ([]byte, error) {
	raw, err := readCapped(f, size, path, "use a part of it")
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(raw, []byte(gzipMagic)):
		if raw, err = gunzip(raw, path); err != nil {
			return nil, err
		}
	case strings.HasSuffix(path, ".gz") && len(raw) > 0:
		return nil, &Error{File: path, What: notGzip}
	}
	if what := foreign(raw[:min(len(raw), headBytes)]); what != "" {
		return nil, &Error{File: path, What: what}
	}
	return raw, nil
}

// gunzip uncompresses twice: what is too long or damaged takes no memory, and what is not takes no more than it needs.
func gunzip(raw []byte, name string) ([]byte, error) {
	const next = "uncompress it, or use a part of it"
	var size int64
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err == nil {
		size, err = io.Copy(io.Discard, io.LimitReader(z, MaxTextBytes+1))
	}
	if err == nil && size > MaxTextBytes {
		return nil, tooLong(name, next)
	}
	if onDisk := int64(len(raw)); err == nil && size > max(leastHeld, heldPerByte*onDisk) {
		return nil, &Error{File: name, What: fmt.Sprintf("%d bytes become %d in memory, more than any data do: %s", onDisk,
			size, next)}
	}
	if err == nil {
		err = z.Reset(bytes.NewReader(raw))
	}
	if err != nil {
		return nil, &Error{File: name, What: fmt.Sprintf("damaged gzip data (%v): copy or download it again",
			errors.Cause(err))}
	}
	return readCapped(z, size, name, next)
}

// readCapped reads all of r, which is size bytes long, or about so.
func readCapped(r io.Reader, size int64, name, next string) ([]byte, error) {
	if size > MaxTextBytes {
		return nil, tooLong(name, next)
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r, MaxTextBytes+1)); err != nil {
		return nil, errors.WithStack(err)
	}
	if b.Len() > MaxTextBytes {
		return nil, tooLong(name, next)
	}
	return b.Bytes(), nil
}

func tooLong(name, next string) error {
	return &Error{File: name, What: fmt.Sprintf("longer than %d bytes, the most that is read at once: %s",
		MaxTextBytes, next)}
}
