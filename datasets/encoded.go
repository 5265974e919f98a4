package datasets

import (
	"container/list"
	"fmt"
	"sort"
	"sync"
)

// maxHeldBlocks is how many blocks of a text, or of a file of tokens, stay in memory as tokens: as many as streams are
// usually read.
const maxHeldBlocks = 1024

// Encoded is the tokens of a text that is on the disk, or too long for its tokens to be in memory. It reads and
// encodes a block of the text when it is asked for it, and holds the blocks that were read last; or it reads tokens
// from a file that has all of them: see Write and Use. Several goroutines may use it.
type Encoded struct {
	text    *Text
	encoder *encoder
	first   []int // numbers of the first tokens of the blocks; the last is n
	n       int
	unknown int // of them

	mutex  sync.Mutex
	file   *tokenFile            // nil: the text is encoded
	held   map[int]*list.Element // of recent, by the number of a block
	recent list.List             // of heldBlock, what was used last in front
}

type heldBlock struct {
	number int
	tokens []int32
}

func newEncoded(t *Text, e *encoder) *Encoded {
	return &Encoded{text: t, encoder: e, held: map[int]*list.Element{}}
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
