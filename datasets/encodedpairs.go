package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/pkg/errors"
)

// EncodedPairs is the tokens of pairs. Those of pairs in memory are in memory, too; a pair on the disk is encoded when
// it is asked for, or its tokens are read from a file that has them: see EncodePairs, Write and Use. Several goroutines
// may use it.
type EncodedPairs struct {
	pairs *Pairs
	held  [][2][]int32 // nil: the pairs are on the disk

	mutex    sync.Mutex
	encoders [2]*encoder // of sources and targets
	sum      []byte      // of what tokens depend on; nil: not known yet
	counts   [][2]int32  // tokens of each pair; negative: it was not asked for
	file     *tokenFile  // nil: pairs are encoded
	first    []int       // in the file: the first token of every stretch-th pair
}

// stretch is how many pairs there are for each place that is noted of a file of tokens.
const stretch = 64

// EncodePairs gives the tokens of pairs by the vocabularies of their sources and targets. Pairs on the disk are encoded
// once: their tokens are read from the file that was kept, or all are written into the scratch file and read from
// there. With files that fail, or nil, each pair is encoded whenever it is asked for.
func EncodePairs(p *Pairs, source, target *Vocab, files TokenFiles) (*EncodedPairs, error) {
	if p == nil || source == nil || target == nil {
		return nil, errors.New("pairs, or one of their vocabularies, are nil")
	}
	x := &EncodedPairs{pairs: p, counts: make([][2]int32, p.Len())}
	for side, v := range []*Vocab{source, target} {
		x.encoders[side] = &encoder{Vocab: v, known: map[piece]joined{}}
	}
	for i := range x.counts {
		x.counts[i] = [2]int32{-1, -1}
	}
	if !p.InMemory() {
		if files != nil && !keptTokens(files, x.Use) {
			return x, x.all(files)
		}
		return x, nil
	}
	held := make([][2][]int32, p.Len())
	for i := range held {
		var err error
		if held[i], err = x.Tokens(i); err != nil {
			return nil, err
		}
	}
	x.held = held
	return x, nil
}

// all encodes all pairs into the scratch file.
func (x *EncodedPairs) all(files TokenFiles) error {
	to := newScratch(files, x.vocab())
	for i := 0; i < x.Len() && to.file != nil; i++ {
		tokens, err := x.Tokens(i)
		to.closeIf(err)
		if err != nil {
			return err
		}
		to.add(tokens[0])
		to.add(tokens[1])
	}
	x.readFrom(to.done())
	return nil
}

// Len is the number of pairs.
func (x *EncodedPairs) Len() int { return x.pairs.Len() }

// Tokens are those of pair i in [0, Len), source and target, without Start and End. They must not be changed. A file
// that was changed since the pairs were read is an *Error.
func (x *EncodedPairs) Tokens(i int) (tokens [2][]int32, err error) {
	if i < 0 || i >= x.Len() {
		return tokens, errors.Errorf("%s: pair %d of %d", x.pairs.Name, i, x.Len())
	}
	if x.held != nil {
		return x.held[i], nil
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.file != nil && x.counts[i][0] >= 0 {
		if tokens, err = x.read(i); err == nil {
			return tokens, nil
		}
		x.close() // it was damaged since; the pairs have what it had
	}
	if tokens, err = x.encode(i); err == nil && x.file == nil {
		x.counts[i] = [2]int32{int32(len(tokens[0])), int32(len(tokens[1]))}
	}
	return tokens, err
}

// encode reads a pair and encodes it.
func (x *EncodedPairs) encode(i int) (tokens [2][]int32, err error) {
	pair, err := x.pairs.Pair(i)
	if err != nil {
		return tokens, err
	}
	for side, text := range []string{pair.Source, pair.Target} {
		tokens[side], _ = x.encoders[side].encode(nil, text)
	}
	return tokens, nil
}

// read reads the tokens of a pair from the file.
func (x *EncodedPairs) read(i int) (tokens [2][]int32, err error) {
	from := x.first[i/stretch]
	for _, c := range x.counts[i/stretch*stretch : i] {
		from += inFile(c)
	}
	both, err := x.file.read(nil, from, inFile(x.counts[i]))
	if err != nil {
		return tokens, err
	}
	source := x.counts[i][0]
	return [2][]int32{both[:source:source], both[source:]}, nil
}

// readFrom reads tokens from a file that has those of the pairs that were counted; nil: of none.
func (x *EncodedPairs) readFrom(f *tokenFile) {
	x.file, x.first = f, nil
	at := 0
	for i, c := range x.counts {
		if i%stretch == 0 {
			x.first = append(x.first, at)
		}
		at += inFile(c)
	}
}

// inFile is how many tokens of a pair are in a file.
func inFile(counts [2]int32) int { return int(max(counts[0], 0) + max(counts[1], 0)) }

// vocab is the size of the larger vocabulary.
func (x *EncodedPairs) vocab() int { return max(x.encoders[0].Len(), x.encoders[1].Len()) }

// dependsOn is the SHA-256 of all that the tokens depend on.
func (x *EncodedPairs) dependsOn() []byte {
	if x.sum == nil {
		places := sha256.New()
		var where []byte
		for i := range x.pairs.at {
			at := &x.pairs.at[i]
			where = where[:0]
			for side := range at.offset {
				where = binary.LittleEndian.AppendUint64(where, uint64(at.offset[side]))
				where = binary.LittleEndian.AppendUint32(where, uint32(at.length[side]))
			}
			places.Write(where)
		}
		x.sum = dependsOn(fmt.Sprintf("pairs %s at %x", x.pairs.SHA256, places.Sum(nil)), x.encoders[:]...)
	}
	return x.sum
}

// countBytes are those of a pair in the tail of a file: how many tokens its source and its target have.
const countBytes = 8

func (x *EncodedPairs) tokenSet() tokenSet {
	return tokenSet{sum: x.dependsOn(), vocab: x.vocab(), tail: countBytes * x.Len()}
}

// Size is how many bytes Write writes: 1, 2 or 4 for a token, by the size of the larger vocabulary, 8 for a pair, and
// 80 more.
func (x *EncodedPairs) Size() int64 {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	n := 0
	for _, c := range x.counts {
		n += inFile(c)
	}
	return aroundTokens + int64(countBytes*x.Len()) + int64(n)*int64(tokenWidth(x.vocab()))
}

// Write writes the tokens of the pairs that were asked for so far as Use wants them: from the file that they are read
// from or, if there is none, by encoding the pairs. When the context is done it ends with the context's error. A file
// of pairs that was changed meanwhile is an *Error.
func (x *EncodedPairs) Write(ctx context.Context, to io.Writer) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	var tail []byte
	for _, c := range x.counts {
		tail = binary.LittleEndian.AppendUint32(tail, uint32(c[0]))
		tail = binary.LittleEndian.AppendUint32(tail, uint32(c[1]))
	}
	if x.file != nil {
		return x.tokenSet().write(ctx, to, x.file.blocks(), x.file.block, tail)
	}
	return x.tokenSet().write(ctx, to, (x.Len()+stretch-1)/stretch, x.block, tail)
}

// block encodes the pairs of stretch i that were asked for.
func (x *EncodedPairs) block(tokens []int32, i int) ([]int32, error) {
	for k := i * stretch; k < min((i+1)*stretch, x.Len()); k++ {
		if x.counts[k][0] < 0 {
			continue
		}
		pair, err := x.encode(k)
		if err != nil {
			return nil, err
		}
		tokens = append(append(tokens, pair[0]...), pair[1]...)
	}
	return tokens, nil
}

// Use reads the tokens of pairs from a file that Write has written, from now on: the same tokens, without encoding.
// Every byte of the file is checked first; if one is not what Write would write of these pairs, whichever were asked
// for, the error is ErrOtherTokens, and pairs are read as before. The file belongs to x then, and Close closes it.
func (x *EncodedPairs) Use(f *os.File) error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.file.is(f) { // and was checked
		return errors.WithStack(f.Close())
	}
	file, tail, err := x.tokenSet().open(f)
	if err != nil {
		return err
	}
	counts, n := make([][2]int32, x.Len()), 0
	for i := range counts {
		for side := range counts[i] {
			counts[i][side] = int32(binary.LittleEndian.Uint32(tail[countBytes*i+4*side:]))
		}
		n += inFile(counts[i])
	}
	if n != file.n {
		return errors.WithStack(ErrOtherTokens)
	}
	x.close()
	x.counts = counts
	x.readFrom(file)
	return nil
}

// Close closes the file that tokens are read from, if there is one: then pairs are encoded again. The pairs stay open.
func (x *EncodedPairs) Close() error {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.close()
}

func (x *EncodedPairs) close() error {
	if x.file == nil {
		return nil
	}
	err := x.file.Close()
	x.file = nil
	return errors.WithStack(err)
}
