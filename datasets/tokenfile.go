package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"unicode"

	"github.com/pkg/errors"
	"golang.org/x/text/unicode/norm"
)

// The file of tokens that Encoded writes and uses: a mark, the SHA-256 of all that the tokens depend on, the tokens,
// and the SHA-256 of everything before it. A token takes as few bytes as the vocabulary allows, 1, 2 or 4, the lowest
// first. All but the tokens is known before it is read, so that there is nothing in it to be trusted.

const tokenMark = "unroll tokens 1\n"

// encodingRules is to be raised when a text becomes other tokens than before with the same vocabulary.
const encodingRules = 1

// ErrOtherTokens says of a file that it does not hold the tokens that are wanted: it is of another text or
// vocabulary, or damaged.
var ErrOtherTokens = errors.New("it does not hold the tokens of this text")

// IsTokens says whether a file begins as those that Encoded.Write writes.
func IsTokens(f io.ReaderAt) bool {
	if f == nil {
		return false
	}
	mark := make([]byte, len(tokenMark))
	_, err := f.ReadAt(mark, 0)
	return err == nil && string(mark) == tokenMark
}

// tokenFile are tokens in a file.
type tokenFile struct {
	*os.File
	n     int    // tokens
	width int    // bytes of a token
	vocab int32  // tokens are less
	raw   []byte // room for a block
}

// head is what the file of the tokens begins with.
func (x *Encoded) head() []byte {
	blocks := x.text.blocks
	h := sha256.New()
	fmt.Fprintf(h, "rules %d, Unicode %s and %s; text %s, characters %d to %d; %d tokens, %d unknown\n",
		encodingRules, unicode.Version, norm.Version, x.text.SHA256, blocks[0].chars, blocks[len(blocks)-1].chars,
		x.n, x.unknown)
	h.Write(x.encoder.JSON())
	return h.Sum([]byte(tokenMark))
}

// width is how many bytes of a file each token takes.
func (x *Encoded) width() int {
	switch n := x.encoder.Len(); {
	case n <= math.MaxUint8+1:
		return 1
	case n <= math.MaxUint16+1:
		return 2
	}
	return 4
}

// Size is how many bytes Write writes: 1, 2 or 4 for a token, by the size of the vocabulary, and 80 more.
func (x *Encoded) Size() int64 {
	return int64(len(tokenMark)) + 2*sha256.Size + int64(x.n)*int64(x.width())
}

// Write encodes the whole text, and writes its tokens as Use wants them. When the context is done it ends with the
// context's error. A text that was changed meanwhile is an *Error.
func (x *Encoded) Write(ctx context.Context, to io.Writer) error {
	if ctx == nil || to == nil {
		return errors.New("the context, or what tokens are written to, is nil")
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	sum := sha256.New()
	both := io.MultiWriter(to, sum)
	if _, err := both.Write(x.head()); err != nil {
		return errors.WithStack(err)
	}
	var tokens []int32
	var raw []byte
	for i := range len(x.first) - 1 {
		err := ctx.Err()
		if err == nil {
			tokens, err = x.encode(tokens[:0], i)
		}
		if err != nil {
			return err
		}
		raw = appendTokens(raw[:0], x.width(), tokens)
		if _, err := both.Write(raw); err != nil {
			return errors.WithStack(err)
		}
	}
	_, err := to.Write(sum.Sum(nil))
	return errors.WithStack(err)
}

func appendTokens(raw []byte, width int, tokens []int32) []byte {
	for _, t := range tokens {
		switch width {
		case 1:
			raw = append(raw, byte(t))
		case 2:
			raw = binary.LittleEndian.AppendUint16(raw, uint16(t))
		default:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(t))
		}
	}
	return raw
}

// Use reads tokens from a file that Write has written, from now on: the same tokens, without encoding. Every byte of
// the file is checked first; if one is not what Write would write of this text with this vocabulary, the error is
// ErrOtherTokens, and the text is encoded as before. The file belongs to x then, and Close closes it.
func (x *Encoded) Use(f *os.File) error {
	if f == nil {
		return errors.New("there is no file of tokens: it is nil")
	}
	info, err := f.Stat()
	if err != nil {
		return errors.WithStack(err)
	}
	if info.Size() != x.Size() {
		return errors.WithStack(ErrOtherTokens)
	}
	sum, all, head := sha256.New(), io.NewSectionReader(f, 0, x.Size()), x.head()
	have := make([]byte, len(head))
	if _, err := io.ReadFull(all, have); err != nil || string(have) != string(head) {
		return errors.WithStack(ErrOtherTokens)
	}
	sum.Write(have)
	if _, err := io.CopyN(sum, all, x.Size()-int64(len(head))-sha256.Size); err != nil {
		return errors.WithStack(err)
	}
	end := make([]byte, sha256.Size)
	if _, err := io.ReadFull(all, end); err != nil || string(end) != string(sum.Sum(nil)) {
		return errors.WithStack(ErrOtherTokens)
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.close()
	w := x.width()
	x.file = &tokenFile{File: f, n: x.n, width: w, vocab: int32(x.encoder.Len()), raw: make([]byte, fileBlock*w)}
	x.drop()
	return nil
}

// Close closes the file of Use, if there is one: then the text is encoded again.
func (x *Encoded) Close() error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.close()
}

func (x *Encoded) close() error {
	if x.file == nil {
		return nil
	}
	err := x.file.Close()
	x.file = nil
	x.drop()
	return errors.WithStack(err)
}

// fileBlock is how many tokens are read from a file at once: what streams want next, and little for a window alone.
const fileBlock = 1024

// block appends the tokens of block i.
func (f *tokenFile) block(tokens []int32, i int) ([]int32, error) {
	n := min(fileBlock, f.n-i*fileBlock)
	raw := f.raw[:n*f.width]
	if _, err := f.ReadAt(raw, int64(len(tokenMark)+sha256.Size+i*len(f.raw))); err != nil {
		return nil, errors.WithStack(err)
	}
	tokens = slices.Grow(tokens, n)
	for k := range n {
		var t int32
		switch f.width {
		case 1:
			t = int32(raw[k])
		case 2:
			t = int32(binary.LittleEndian.Uint16(raw[2*k:]))
		default:
			t = int32(binary.LittleEndian.Uint32(raw[4*k:]))
		}
		if t < 0 || t >= f.vocab {
			return nil, errors.WithStack(ErrOtherTokens)
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}
