package datasets

import (
	"container/heap"
	"iter"
	"strings"
	"unicode/utf8"
)

// pair are two neighbouring tokens.
type pair struct{ left, right int32 }

// merge is a pair that is joined, and the token it becomes.
type merge struct {
	pair
	becomes int32
}

// bpeVocab is a vocabulary of characters; merges come by add.
func bpeVocab(alphabet []rune) *Vocab {
	v := &Vocab{kind: BPE, special: len(specialNames), tokens: append([]string{}, specialNames...),
		ranks: map[pair]int32{}, spaces: true}
	v.addRunes(alphabet)
	return v
}

// add makes p the next pair to be joined. known are the tokens by their strings: different pairs may become the same.
func (v *Vocab) add(p pair, known map[string]int32) (becomes int32) {
	s := v.tokens[p.left] + v.tokens[p.right]
	becomes, ok := known[s]
	if !ok {
		becomes = int32(len(v.tokens))
		v.tokens = append(v.tokens, s)
		known[s] = becomes
	}
	v.ranks[p] = int32(len(v.merges))
	v.merges = append(v.merges, merge{p, becomes})
	return becomes
}

func (v *Vocab) units() map[string]int32 {
	known := make(map[string]int32, len(v.tokens))
	for i, s := range v.tokens[v.special:] {
		known[s] = int32(v.special + i)
	}
	return known
}

// withKnownSpaces is a piece without white space that the vocabulary lacks: the word after it begins a word all
// the same.
func (v *Vocab) withKnownSpaces(piece string) string {
	if first, _ := utf8.DecodeRuneInString(piece); class(first) != spaceClass {
		return piece
	}
	return strings.Map(func(r rune) rune {
		if _, ok := v.runes[r]; !ok {
			return -1
		}
		return r
	}, piece)
}

// symbols appends the characters of a piece as tokens, and says how many of them the vocabulary lacks.
func (v *Vocab) symbols(tokens []int32, text string, starts bool) (_ []int32, unknown int) {
	if starts {
		tokens = append(tokens, v.runes[wordStart])
	}
	for _, r := range v.withKnownSpaces(text) {
		t, ok := v.runes[r]
		if !ok {
			t = Unknown
			unknown++
		}
		tokens = append(tokens, t)
	}
	return tokens, unknown
}

// join joins pairs of neighbours in the order in which they were learned, in place.
func (v *Vocab) join(symbols []int32) []int32 {
	for len(symbols) > 1 {
		first := int32(len(v.merges))
		for i := range len(symbols) - 1 {
			if rank, ok := v.ranks[pair{symbols[i], symbols[i+1]}]; ok && rank < first {
				first = rank
			}
		}
		if int(first) == len(v.merges) {
			break
		}
		symbols = replace(symbols, v.merges[first])
	}
	return symbols
}

// replace joins all occurrences of a pair from left to right, in place.
func replace(symbols []int32, m merge) []int32 {
	n := 0
	for i := 0; i < len(symbols); i++ {
		symbols[n] = symbols[i]
		if i+1 < len(symbols) && symbols[i] == m.left && symbols[i+1] == m.right {
			symbols[n] = m.becomes
			i++
		}
		n++
	}
	return symbols[:n]
}

// trainBPE learns byte pairs until there are size tokens or no pair occurs least times, always joining the pair
// that occurs most often; of equally frequent ones that of the smaller token numbers. Characters that occur
// less than least times are left out.
func trainBPE(texts iter.Seq[string], size, least int) (*Vocab, error) {
	counts := countPieces(texts)
	runes := map[rune]int{}
	for p, n := range counts {
		if p.starts {
			runes[wordStart] += n
		}
		for _, r := range p.text {
			runes[r] += n
		}
	}
	runes[wordStart] = max(runes[wordStart], least)
	v := bpeVocab(frequent(runes, least))
	if err := checkSize(size, v.Len()); err != nil {
		return nil, err
	}
	t := newBPETrainer(v, counts)
	known := v.units()
	for v.Len() < size {
		p, ok := t.best(max(least, 2))
		if !ok {
			break
		}
		t.join(merge{p, v.add(p, known)})
	}
	return v, nil
}

type piece struct {
	text   string
	starts bool // a word
}

func countPieces(texts iter.Seq[string]) map[piece]int {
	counts := map[piece]int{}
	for s := range texts {
		for text, starts := range pieces(s, true) {
			if _, ok := counts[piece{text, starts}]; !ok {
				text = strings.Clone(text) // not to keep all of s
			}
			counts[piece{text, starts}]++
		}
	}
	return counts
}

// bpeTrainer keeps the count of every pair of neighbours up to date while pairs are joined.
type bpeTrainer struct {
	words  []bpeWord
	counts map[pair]int
	where  map[pair][]int32 // words that have, or had, the pair; one may be there several times
	// every pair with a positive count, with a count that was true once and is not below the true one
	queue pairHeap
}

type bpeWord struct {
	symbols []int32
	count   int
}

func newBPETrainer(v *Vocab, counts map[piece]int) *bpeTrainer {
	t := &bpeTrainer{counts: map[pair]int{}, where: map[pair][]int32{}}
	for p, n := range counts { // in any order: only sums depend on it
		symbols, _ := v.symbols(nil, p.text, p.starts)
		t.words = append(t.words, bpeWord{symbols, n})
		t.count(int32(len(t.words)-1), 1)
	}
	for p, n := range t.counts {
		t.queue = append(t.queue, counted{p, n})
	}
	heap.Init(&t.queue)
	return t
}

// count adds or, with sign -1, takes away the pairs of a word. Pairs with Unknown do not count.
func (t *bpeTrainer) count(word int32, sign int) {
	w := t.words[word]
	for i := range len(w.symbols) - 1 {
		p := pair{w.symbols[i], w.symbols[i+1]}
		if p.left == Unknown || p.right == Unknown {
			continue
		}
		t.counts[p] += sign * w.count
		if sign > 0 {
			if at := t.where[p]; len(at) == 0 || at[len(at)-1] != word {
				t.where[p] = append(at, word)
			}
		}
	}
}

// best takes the most frequent pair out of the queue; false if none occurs least times.
func (t *bpeTrainer) best(least int) (pair, bool) {
	for len(t.queue) > 0 {
		top := heap.Pop(&t.queue).(counted)
		switch now := t.counts[top.pair]; {
		case now < least: // if it becomes more frequent, join queues it again
		case now == top.count:
			return top.pair, true
		case now < top.count:
			heap.Push(&t.queue, counted{top.pair, now})
		}
	}
	return pair{}, false
}

// join joins a pair in all words.
func (t *bpeTrainer) join(m merge) {
	words := t.where[m.pair]
	delete(t.where, m.pair)
	more := map[pair]bool{} // only pairs with the new token can have become more frequent
	for _, i := range words {
		w := &t.words[i]
		if !w.has(m.pair) {
			continue
		}
		t.count(i, -1)
		w.symbols = replace(w.symbols, m)
		t.count(i, 1)
		for j := range len(w.symbols) - 1 {
			if p := (pair{w.symbols[j], w.symbols[j+1]}); p.left == m.becomes || p.right == m.becomes {
				more[p] = true
			}
		}
	}
	for p := range more {
		if n := t.counts[p]; n > 0 {
			heap.Push(&t.queue, counted{p, n})
		}
	}
}

func (w *bpeWord) has(p pair) bool {
	for i := range len(w.symbols) - 1 {
		if w.symbols[i] == p.left && w.symbols[i+1] == p.right {
			return true
		}
	}
	return false
}

type counted struct {
	pair
	count int
}

// pairHeap has the most frequent pair on top, of equally frequent ones that of the smaller numbers.
type pairHeap []counted

func (h pairHeap) Len() int      { return len(h) }
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h pairHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.count != b.count:
		return a.count > b.count
	case a.left != b.left:
		return a.left < b.left
	}
	return a.right < b.right
}
func (h *pairHeap) Push(x any) { *h = append(*h, x.(counted)) }
func (h *pairHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
