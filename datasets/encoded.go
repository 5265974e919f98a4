package datasets

import (
	"container/list"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"

	"github.com/pkg/errors"
)

// maxHeldBlocks is how many blocks of a text, or of a file of tokens, stay in memory as tokens: as many as streams are
// usually read.
const maxHeldBlocks = 1024

// Encoded is the tokens of a text that is on the disk, or too long for its tokens to be in memory. It reads and
// encodes a block of the text when it is asked for it, and holds the blocks that were read last; or it reads tokens
// from a file that has all of them: see EncodeKept, Write and Use. Several goroutines may use it.
type Encoded struct {
	text    *Text
	encoder *encoder
	simple  bool // each character is a token
	n       int  // tokens; negative: not known yet. What is known stays
	unknown int  // of them

	mutex  sync.Mutex
	sum    []byte                // of what tokens depend on; nil: not known yet
	first  []int                 // numbers of the first tokens of the blocks; the last is n; nil: not known
	file   *tokenFile            // nil: the text is encoded
	held   map[int]*list.Element // of recent, by the number of a block
	recent list.List             // of heldBlock, what was used last in front
}

type heldBlock struct {
	number int
	tokens []int32
}

func newEncoded(t *Text, e *encoder) *Encoded {
	return &Encoded{text: t, encoder: e, n: -1, held: map[int]*list.Element{}}
}

// count finds out how many tokens there are, and where those of each block begin. A scratch file gets them all.
func (x *Encoded) count(files TokenFiles) error {
	x.first = nil
	if x.simple {
		for _, b := range x.text.blocks {
			x.first = append(x.first, b.chars-x.text.blocks[0].chars)
		}
		return x.counted(x.text.Len(), 0)
	}
	n, unknown, to := 0, 0, newScratch(files, x.encoder.Len())
	var failed error
	var tokens []int32
	for s := range x.text.Blocks(&failed) {
		var lacks int
		tokens, lacks = x.encoder.encode(tokens[:0], s)
		to.add(tokens)
		x.first = append(x.first, n)
		n, unknown = n+len(tokens), unknown+lacks
	}
	x.first = append(x.first, n)
	x.file = to.done()
	if failed != nil {
		x.close()
		return failed
	}
	return x.counted(n, unknown)
}

// counted takes note of the number of tokens, or holds it to what is known.
func (x *Encoded) counted(n, unknown int) error {
	switch {
	case x.n < 0:
		x.n, x.unknown = n, unknown
	case x.n != n || x.unknown != unknown:
		return x.text.changed()
	}
	return nil
}

// Len implements Sequence.
func (x *Encoded) Len() int { return x.n }

// Read implements Sequence. A text that was changed meanwhile is an *Error.
func (x *Encoded) Read(from int, to []int32) error {
	if from < 0 || from > x.n-len(to) {
		return fmt.Errorf("tokens %d to %d of %d", from, from+len(to), x.n)
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	for len(to) > 0 {
		tokens, first, err := x.blockOf(from)
		if err != nil {
			return err
		}
		n := copy(to, tokens[from-first:])
		to, from = to[n:], from+n
	}
	return nil
}

// blockOf is the tokens of the block that a token is in, and the number of their first.
func (x *Encoded) blockOf(token int) (tokens []int32, first int, err error) {
	if x.file != nil {
		i := token / fileBlock
		if tokens, err := x.hold(i, x.file.block); err == nil {
			return tokens, i * fileBlock, nil
		}
		x.close() // it was damaged since; the text has what it had
	}
	if x.first == nil { // all was read from that file
		if err := x.count(nil); err != nil {
			return nil, 0, err
		}
	}
	i := sort.SearchInts(x.first, token+1) - 1
	tokens, err = x.hold(i, x.encode)
	return tokens, x.first[i], err
}

// hold is the tokens of a block, which read appends to a slice if they are not held.
func (x *Encoded) hold(i int, read func([]int32, int) ([]int32, error)) ([]int32, error) {
	if e := x.held[i]; e != nil {
		x.recent.MoveToFront(e)
		return e.Value.(*heldBlock).tokens, nil
	}
	b := &heldBlock{}
	if x.recent.Len() >= maxHeldBlocks {
		b = x.recent.Remove(x.recent.Back()).(*heldBlock)
		delete(x.held, b.number)
	}
	b.number = i
	var err error
	if b.tokens, err = read(b.tokens[:0], i); err != nil {
		return nil, err
	}
	x.held[i] = x.recent.PushFront(b)
	return b.tokens, nil
}

// drop holds nothing any more.
func (x *Encoded) drop() {
	x.held = map[int]*list.Element{}
	x.recent.Init()
}

// encode appends the tokens of a block.
func (x *Encoded) encode(tokens []int32, i int) ([]int32, error) {
	s, err := x.text.block(i)
	if err != nil {
		return nil, err
	}
	before := len(tokens)
	if tokens, _ = x.encoder.encode(tokens, s); len(tokens)-before != x.first[i+1]-x.first[i] {
		return nil, x.text.changed()
	}
	return tokens, nil
}

// dependsOn is the SHA-256 of all that the tokens depend on.
func (x *Encoded) dependsOn() []byte {
	if x.sum == nil {
		blocks := x.text.blocks
		x.sum = dependsOn(fmt.Sprintf("text %s, characters %d to %d", x.text.SHA256, blocks[0].chars,
			blocks[len(blocks)-1].chars), x.encoder)
	}
	return x.sum
}

// unknownBytes are those of the tail of a file: how many tokens are unknown.
const unknownBytes = 8

func (x *Encoded) tokenSet() tokenSet {
	return tokenSet{sum: x.dependsOn(), vocab: x.encoder.Len(), tail: unknownBytes}
}

// Size is how many bytes Write writes: 1, 2 or 4 for a token, by the size of the vocabulary, and 88 more.
func (x *Encoded) Size() int64 {
	return aroundTokens + unknownBytes + int64(x.n)*int64(tokenWidth(x.encoder.Len()))
}

// Write writes the tokens of the whole text as Use wants them: from the file that they are read from or, if there is
// none, by encoding the text. When the context is done it ends with the context's error. A text that was changed
// meanwhile is an *Error.
func (x *Encoded) Write(ctx context.Context, to io.Writer) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	tail := binary.LittleEndian.AppendUint64(nil, uint64(x.unknown))
	if x.file != nil {
		return x.tokenSet().write(ctx, to, x.file.blocks(), x.file.block, tail)
	}
	return x.tokenSet().write(ctx, to, len(x.first)-1, x.encode, tail)
}

// Use reads tokens from a file that Write has written, from now on: the same tokens, without encoding. Every byte of
// the file is checked first; if one is not what Write would write of this text with this vocabulary, the error is
// ErrOtherTokens, and the text is read as before. The file belongs to x then, and Close closes it.
func (x *Encoded) Use(f *os.File) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.file.is(f) { // and was checked
		return errors.WithStack(f.Close())
	}
	file, tail, err := x.tokenSet().open(f)
	if err != nil {
		return err
	}
	unknown := int(binary.LittleEndian.Uint64(tail))
	if x.simple && file.n != x.text.Len() || x.counted(file.n, unknown) != nil {
		return errors.WithStack(ErrOtherTokens)
	}
	x.close()
	x.file = file
	x.drop()
	return nil
}

// Close closes the file that tokens are read from, if there is one: then the text is encoded again.
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
