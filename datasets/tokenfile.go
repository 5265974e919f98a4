package datasets

import (
	"bytes"
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

// The file of tokens that Encoded and EncodedPairs write and use: a mark, the SHA-256 of all that the tokens depend on,
// the tokens, a tail of known length that says more of them, and the SHA-256 of everything before it. A token takes as
// few bytes as the vocabulary allows, 1, 2 or 4, the lowest first. How many there are follows from the length of the
// file, so that it can be written while a text is encoded for the first time.

const tokenMark = "unroll tokens 1\n"

// encodingRules is to be raised when a text becomes other tokens than before with the same vocabulary.
const encodingRules = 1

// dependsOn is the SHA-256 of all that tokens depend on: the rules, data in words, and vocabularies.
func dependsOn(data string, vocabs ...*encoder) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "rules %d, Unicode %s and %s; %s\n", encodingRules, unicode.Version, norm.Version, data)
	for _, v := range vocabs {
		h.Write(v.JSON())
	}
	return h.Sum(nil)
}

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

// tokenWidth is how many bytes of a file each token of a vocabulary takes.
func tokenWidth(vocab int) int {
	switch {
	case vocab <= math.MaxUint8+1:
		return 1
	case vocab <= math.MaxUint16+1:
		return 2
	}
	return 4
}

// tokensBegin is where the tokens of a file begin, and aroundTokens how many bytes it has besides them and the tail.
const (
	tokensBegin  = int64(len(tokenMark) + sha256.Size)
	aroundTokens = tokensBegin + sha256.Size
)

// tokenSet says which tokens a file is to hold.
type tokenSet struct {
	sum   []byte // what they depend on
	vocab int    // they are less
	tail  int    // bytes of the tail
}

// write writes a file of so many blocks of tokens, which block appends to a slice, and of a tail.
func (s tokenSet) write(
	ctx context.Context, to io.Writer, blocks int, block func(tokens []int32, i int) ([]int32, error), tail []byte,
) error {
	if ctx == nil || to == nil {
		return errors.New("the context, or what tokens are written to, is nil")
	}
	sum := sha256.New()
	both := io.MultiWriter(to, sum)
	if _, err := both.Write(append([]byte(tokenMark), s.sum...)); err != nil {
		return errors.WithStack(err)
	}
	var tokens []int32
	var raw []byte
	for i := range blocks {
		err := ctx.Err()
		if err == nil {
			tokens, err = block(tokens[:0], i)
		}
		if err != nil {
			return err
		}
		raw = appendTokens(raw[:0], tokenWidth(s.vocab), tokens)
		if _, err := both.Write(raw); err != nil {
			return errors.WithStack(err)
		}
	}
	if _, err := both.Write(tail); err != nil {
		return errors.WithStack(err)
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

// open checks every byte of a file. If one is not what write would write of these tokens, the error is ErrOtherTokens.
func (s tokenSet) open(f *os.File) (_ *tokenFile, tail []byte, err error) {
	if f == nil {
		return nil, nil, errors.New("there is no file of tokens: it is nil")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	x := &tokenFile{File: f, begin: tokensBegin, width: tokenWidth(s.vocab), vocab: int32(s.vocab)}
	all := info.Size() - sha256.Size // what the last bytes are the sum of
	tokens := info.Size() - aroundTokens - int64(s.tail)
	if tokens < 0 || tokens%int64(x.width) != 0 {
		return nil, nil, errors.WithStack(ErrOtherTokens)
	}
	x.n = int(tokens) / x.width
	head, end, sum := make([]byte, tokensBegin), make([]byte, s.tail+sha256.Size), sha256.New()
	_, err = f.ReadAt(head, 0)
	if err != nil || string(head[:len(tokenMark)]) != tokenMark || !bytes.Equal(head[len(tokenMark):], s.sum) {
		return nil, nil, errors.WithStack(ErrOtherTokens)
	}
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, all)); err != nil {
		return nil, nil, errors.WithStack(err)
	}
	_, err = f.ReadAt(end, all-int64(s.tail))
	if err != nil || !bytes.Equal(end[s.tail:], sum.Sum(nil)) {
		return nil, nil, errors.WithStack(ErrOtherTokens)
	}
	return x, end[:s.tail], nil
}

// tokenFile are tokens in a file.
type tokenFile struct {
	*os.File
	begin int64  // where they begin
	n     int    // tokens
	width int    // bytes of a token
	vocab int32  // tokens are less
	raw   []byte // room for what is read
}

// is says whether f is this file; the nil one is none.
func (f *tokenFile) is(other *os.File) bool {
	if f == nil || other == nil {
		return false
	}
	a, err := f.Stat()
	b, e := other.Stat()
	return err == nil && e == nil && os.SameFile(a, b)
}

// fileBlock is how many tokens are read from a file at once: what streams want next, and little for a window alone.
const fileBlock = 1024

// blocks is how many blocks there are.
func (f *tokenFile) blocks() int { return (f.n + fileBlock - 1) / fileBlock }

// block appends the tokens of block i.
func (f *tokenFile) block(tokens []int32, i int) ([]int32, error) {
	return f.read(tokens, i*fileBlock, min(fileBlock, f.n-i*fileBlock))
}

// read appends n tokens.
func (f *tokenFile) read(tokens []int32, from, n int) ([]int32, error) {
	f.raw = slices.Grow(f.raw[:0], n*f.width)[:n*f.width]
	raw := f.raw
	if _, err := f.ReadAt(raw, f.begin+int64(from)*int64(f.width)); err != nil {
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
