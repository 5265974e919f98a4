package datasets

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// HoldOut divides n examples at random into those to train on and a part of them to measure on, in (0, 1), without replacement.
// It depends on its arguments alone. Examples with the same key are never divided; with key nil each is by itself. Both results
// are in increasing order and none is empty: if there are too few examples or keys for that, it is an *Error about name.
func HoldOut(name string, n int, part float64, seed uint64, key func(i int) (string, error)) (train, held []int32, err error) {
	groups := make([]int32, n) // the group of each example
	sizes := make([]int, 0, n)
	seen := map[uint64]int32{} // by a hash of the key: if two keys have the same, they are not divided either
	for i := range n {
		group := int32(len(sizes))
		if key != nil {
			k, err := key(i)
			if err != nil {
				return nil, nil, err
			}
			h := fnv.New64a()
			h.Write([]byte(k))
			if g, ok := seen[h.Sum64()]; ok {
				group = g
			} else {
				seen[h.Sum64()] = group
			}
		}
		if int(group) == len(sizes) {
			sizes = append(sizes, 0)
		}
		groups[i] = group
		sizes[group]++
	}
	if len(sizes) < 2 {
		return nil, nil, &Error{File: name, What: fmt.Sprintf("%d different examples, at least 2 are needed to hold out a part: use more data, or name data to measure on", len(sizes))}
	}
	want := max(int(math.Round(part*float64(n))), 1)
	order := rand.New(rand.NewPCG(seed, uint64(len(sizes)))).Perm(len(sizes))
	heldOut := make([]bool, len(sizes))
	for _, g := range order[1:] { // one group at least remains
		if want <= 0 {
			break
		}
		heldOut[g] = true
		want -= sizes[g]
	}
	for i, g := range groups {
		if heldOut[g] {
			held = append(held, int32(i))
		} else {
			train = append(train, int32(i))
		}
	}
	return slices.Clip(train), slices.Clip(held), nil
}

// Sources are the keys for HoldOut that keep pairs of the same source together.
func (p *Pairs) Sources(i int) (string, error) {
	pair, err := p.Pair(i)
	return pair.Source, err
}
