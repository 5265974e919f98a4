package datasets

import (
	"errors"
	"fmt"
	"slices"
)

// Sequence is tokens in a row.
type Sequence interface {
	Len() int

	// Read fills to with the tokens from number from on.
	Read(from int, to []int32) error
}

// Slice is a Sequence in memory.
type Slice []int32

// Len implements Sequence.
func (s Slice) Len() int { return len(s) }

// Read implements Sequence.
func (s Slice) Read(from int, to []int32) error {
	if from < 0 || from > len(s)-len(to) {
		return fmt.Errorf("tokens %d to %d of %d", from, from+len(to), len(s))
	}
	copy(to, s[from:])
	return nil
}

var errNoText = errors.New("there is no text: it is nil")

// Encode is the tokens of a text: a Slice of one in memory, and otherwise an *Encoded. A unit that the vocabulary
// lacks is Unknown; if that is not reserved, it is an *Error with the position.
func (v *Vocab) Encode(t *Text) (Sequence, error) { return v.EncodeKept(t, nil) }

// EncodeKept is Encode of a text that is encoded once, if it is on the disk: its tokens are read from the file that was
// kept, or are written into the scratch file while they are counted, and read from there. Where each character is a
// token there is nothing to count, and the scratch file is not asked for. With files that fail, or nil, it is Encode.
func (v *Vocab) EncodeKept(t *Text, files TokenFiles) (Sequence, error) {
	if t == nil {
		return nil, errNoText
	}
	if err := v.check(t); err != nil {
		return nil, err
	}
	s, _, err := v.encode(t, true, files)
	return s, err
}

// EncodeKnown is Encode, but for characters that the vocabulary lacks and cannot call unknown: it leaves them
// out, and says how many.
func (v *Vocab) EncodeKnown(t *Text) (s Sequence, left int, err error) {
	if t == nil {
		return nil, 0, errNoText
	}
	s, unknown, err := v.encode(t, v.check(t) == nil, nil)
	if v.special > 0 {
		unknown = 0
	}
	return s, unknown, err
}

// encode also says how many units are unknown. all says that none is left out.
func (v *Vocab) encode(t *Text, all bool, files TokenFiles) (_ Sequence, unknown int, err error) {
	e := &encoder{Vocab: v, known: map[piece]joined{}}
	if t.InMemory() && t.Len() <= MaxHeldText {
		var failed error
		var tokens Slice
		for s := range t.Blocks(&failed) {
			var lacks int
			tokens, lacks = e.encode(tokens, s)
			unknown += lacks
		}
		return slices.Clone(tokens), unknown, failed // no longer than it must be
	}
	x := newEncoded(t, e)
	x.simple = v.kind == Char && v.special == 0 && all
	if !keptTokens(files, x.Use) {
		err = x.count(files)
	}
	return x, x.unknown, err
}

// Unknown is how many tokens of what Encode gave are Unknown.
func (v *Vocab) Unknown(s Sequence) int {
	if v.special == 0 {
		return 0
	}
	if x, ok := s.(*Encoded); ok {
		return x.unknown
	}
	n := 0
	for _, t := range s.(Slice) {
		if t == Unknown {
			n++
		}
	}
	return n
}

// check says where a text has a character that a vocabulary of characters lacks and cannot call unknown.
func (v *Vocab) check(t *Text) error {
	if v.kind != Char || v.special > 0 {
		return nil
	}
	lacks := false
	for r := range t.counts {
		if _, ok := v.runes[r]; !ok {
			lacks = true
		}
	}
	if !lacks {
		return nil
	}
	i := 0
	var failed error
	for s := range t.Blocks(&failed) {
		for _, r := range s {
			if _, ok := v.runes[r]; !ok {
				line, col, err := t.Position(i)
				if err != nil {
					return err
				}
				return &Error{File: t.Name, Line: line, Col: col,
					What: fmt.Sprintf("the character %q (%U) is not in the vocabulary of %d characters that the model was trained "+
						"with: remove or replace it, or leave out such characters with --skip-unknown", r, r, len(v.tokens))}
			}
			i++
		}
	}
	return failed
}
