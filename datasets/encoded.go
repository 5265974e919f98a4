package datasets

import (
	"container/list"
	"fmt"
	"sort"
	"sync"
)

// maxHeldBlocks is how many blocks of a text on the disk stay in memory as tokens: as many as streams of it are
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
	if x.file != nil {
		if x.file.read(from, to) == nil {
			return nil
		}
		x.close() // it was damaged since; the text has what it had
	}
	for len(to) > 0 {
		i := sort.SearchInts(x.first, from+1) - 1
		tokens, err := x.block(i)
		if err != nil {
			return err
		}
		n := copy(to, tokens[from-x.first[i]:])
		to, from = to[n:], from+n
	}
	return nil
}

// block is the tokens of a block, which is held.
func (x *Encoded) block(i int) ([]int32, error) {
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
	if b.tokens, err = x.encode(b.tokens[:0], i); err != nil {
		return nil, err
	}
	x.held[i] = x.recent.PushFront(b)
	return b.tokens, nil
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
