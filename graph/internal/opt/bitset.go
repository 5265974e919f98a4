package opt

import (
	"math/bits"
	"slices"
)

// bitset is a set of small numbers, a bit each.
type bitset []uint64

func (s bitset) has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 != 0 }

func (s *bitset) add(i int) {
	if more := i/64 + 1 - len(*s); more > 0 {
		*s = append(*s, make([]uint64, more)...)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

// remove takes out a number that is in the set; the set may then have zeros at its end.
func (s bitset) remove(i int) { s[i/64] &^= 1 << (i % 64) }

// first is the smallest number; -1 if there is none.
func (s bitset) first() int {
	for w, word := range s {
		if word != 0 {
			return w*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// last is the largest number below end; -1 if there is none.
func (s bitset) last(end int) int {
	for w := min((end+63)/64, len(s)) - 1; w >= 0; w-- {
		word := s[w]
		if over := (w+1)*64 - end; over > 0 {
			word = word << over >> over
		}
		if word != 0 {
			return w*64 + 63 - bits.LeadingZeros64(word)
		}
	}
	return -1
}

// meets says whether two sets have a number in common.
func (s bitset) meets(t bitset) bool {
	for w := range min(len(s), len(t)) {
		if s[w]&t[w] != 0 {
			return true
		}
	}
	return false
}

// without is what is in s and not in t, a new set.
func (s bitset) without(t bitset) bitset {
	rest := slices.Clone(s)
	for w := range min(len(s), len(t)) {
		rest[w] &^= t[w]
	}
	for len(rest) > 0 && rest[len(rest)-1] == 0 {
		rest = rest[:len(rest)-1]
	}
	return rest
}

// union is the numbers in both sets; one of the arguments if it holds the other, and never a changed one.
func union(a, b bitset) bitset {
	if len(a) < len(b) {
		a, b = b, a
	}
	cloned := false
	for w, word := range b {
		if word&^a[w] != 0 {
			if !cloned {
				a, cloned = slices.Clone(a), true
			}
			a[w] |= word
		}
	}
	return a
}
