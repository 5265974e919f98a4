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

// The file of tokens that Encoded and EncodedPairs write and use: a mark, the SHA-256 of all that the tokens depend on, the
// tokens, and the SHA-256 of everything before it. A token takes as few bytes as the vocabulary allows, 1, 2 or 4, the
// lowest first. All but the tokens is known before it is read, so that there is nothing in it to be trusted.

const tokenMark = "unroll tokens 1\n"

// encodingRules is to be raised when a text becomes other tokens than before with the same vocabulary.
const encodingRules = 1

// writeRules begins what is hashed of all that tokens depend on.
func writeRules(h io.Writer) {
	fmt.Fprintf(h, "rules %d, Unicode %s and %s; ", encodingRules, unicode.Version, norm.Version)
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

// tokenFile are tokens in a file.
type tokenFile struct {
	*os.File
	n     int    // tokens
	width int    // bytes of a token
	vocab int32  // tokens are less
	raw   []byte // room for what is read
}

// tokenSet says which tokens a file is to hold.
type tokenSet struct {
	sum   []byte // SHA-256 of all that they depend on
	n     int
	vocab int // they are less
}

// tokenSet is that of the text.
func (x *Encoded) tokenSet() tokenSet {
	blocks := x.text.blocks
	h := sha256.New()
	writeRules(h)
	fmt.Fprintf(h, "text %s, characters %d to %d; %d tokens, %d unknown\n",
		x.text.SHA256, blocks[0].chars, blocks[len(blocks)-1].chars, x.n, x.unknown)
	h.Write(x.encoder.JSON())
	return tokenSet{h.Sum(nil), x.n, x.encoder.Len()}
}

// head is what the file begins with.
func (s tokenSet) head() []byte { return append([]byte(tokenMark), s.sum...) }

// width is how many bytes of a file each token takes.
func (s tokenSet) width() int {
	switch {
	case s.vocab <= math.MaxUint8+1:
		return 1
	case s.vocab <= math.MaxUint16+1:
		return 2
	}
	return 4
}

// size is that of the file, in bytes.
func (s tokenSet) size() int64 {
	return int64(len(tokenMark)) + 2*sha256.Size + int64(s.n)*int64(s.width())
}

// Size is how many bytes Write writes: 1, 2 or 4 for a token, by the size of the vocabulary, and 80 more.
func (x *Encoded) Size() int64 {
	return x.tokenSet().size()
}

// Write encodes the whole text, and writes its tokens as Use wants them. When the context is done it ends with the
// context's error. A text that was changed meanwhile is an *Error.
func (x *Encoded) Write(ctx context.Context, to io.Writer) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.tokenSet().write(ctx, to, len(x.first)-1, x.encode)
}

// write writes a file of the tokens of so many blocks, which block appends to a slice.
func (s tokenSet) write(
	ctx context.Context, to io.Writer, blocks int, block func(tokens []int32, i int) ([]int32, error),
) error {
	if ctx == nil || to == nil {
		return errors.New("the context, or what tokens are written to, is nil")
	}
	sum := sha256.New()
	both := io.MultiWriter(to, sum)
	if _, err := both.Write(s.head()); err != nil {
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
		raw = appendTokens(raw[:0], s.width(), tokens)
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
	file, err := x.tokenSet().open(f)
	if err != nil {
		return err
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.close()
	x.file = file
	x.drop()
	return nil
}

// open checks every byte of a file. If one is not what write would write of these tokens, the error is ErrOtherTokens.
func (s tokenSet) open(f *os.File) (*tokenFile, error) {
	if f == nil {
		return nil, errors.New("there is no file of tokens: it is nil")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if info.Size() != s.size() {
		return nil, errors.WithStack(ErrOtherTokens)
	}
	sum, all, head := sha256.New(), io.NewSectionReader(f, 0, s.size()), s.head()
	have := make([]byte, len(head))
	if _, err := io.ReadFull(all, have); err != nil || string(have) != string(head) {
		return nil, errors.WithStack(ErrOtherTokens)
	}
	sum.Write(have)
	if _, err := io.CopyN(sum, all, s.size()-int64(len(head))-sha256.Size); err != nil {
		return nil, errors.WithStack(err)
	}
	end := make([]byte, sha256.Size)
	if _, err := io.ReadFull(all, end); err != nil || string(end) != string(sum.Sum(nil)) {
		return nil, errors.WithStack(ErrOtherTokens)
	}
	return &tokenFile{File: f, n: s.n, width: s.width(), vocab: int32(s.vocab)}, nil
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
	return f.read(tokens, i*fileBlock, min(fileBlock, f.n-i*fileBlock))
}

// read appends n tokens.
func (f *tokenFile) read(tokens []int32, from, n int) ([]int32, error) {
	f.raw = slices.Grow(f.raw[:0], n*f.width)[:n*f.width]
	raw := f.raw
	if _, err := f.ReadAt(raw, int64(len(tokenMark)+sha256.Size+from*f.width)); err != nil {
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
