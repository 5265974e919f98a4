package datasets

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
)

// Division says how examples are divided into those to train on and those to measure on.
type Division struct {
	Name string  // of the data, for errors
	Len  int     // examples
	Part float64 // to measure on, in (0, 1)
	Seed uint64

	// Key groups examples: those with the same key are never divided. nil: each is by itself.
	Key func(i int) (string, error)

	// Class is the class of an example; of each class one example remains to train on. nil: there are no classes.
	Class func(i int) string
}

// Split divides the examples at random. It depends on the division alone. Groups are held out in random order,
// those aside that are larger than what is still wanted, so that frequent ones stay in training, and those that
// would leave a class without an example. Both results are in increasing order and none is empty: if that
// cannot be, it is an *Error.
func (d Division) Split() (train, held []int32, err error) {
	if err := setting.AtLeast("Len", d.Len, 0); err != nil {
		return nil, nil, err
	}
	g, err := d.groups()
	if err != nil {
		return nil, nil, err
	}
	want := max(int(math.Round(d.Part*float64(d.Len))), 1)
	order := rand.New(rand.NewPCG(d.Seed, uint64(g.len()))).Perm(g.len())
	heldOut := make([]bool, g.len())
	for _, i := range order[1:] { // one group at least remains
		if n := g.size(i); n <= want && g.release(i) {
			heldOut[i] = true
			want -= n
		}
		if want == 0 {
			break
		}
	}
	if !slices.Contains(heldOut, true) { // each is larger than what was wanted
		slices.SortStableFunc(order[1:], func(a, b int) int { return g.size(a) - g.size(b) })
		i := slices.IndexFunc(order[1:], g.release)
		if i < 0 {
			return nil, nil, &Error{File: d.Name,
				What: "each label has one example, or one text: none can be held out, so name data to measure on"}
		}
		heldOut[order[1+i]] = true
	}
	for i, group := range g.of {
		if heldOut[group] {
			held = append(held, int32(i))
		} else {
			train = append(train, int32(i))
		}
	}
	return slices.Clip(train), slices.Clip(held), nil
}

// groups are examples that stay together.
type groups struct {
	of      []int32 // the group of each example
	members []int32 // the examples in the order of their groups
	starts  []int32 // where those of each group begin; the last is the end
	class   func(i int) string
	left    map[string]int // examples of each class that are not held out
}

func (d Division) groups() (*groups, error) {
	g := &groups{of: make([]int32, d.Len), class: d.Class, left: map[string]int{}}
	seen := map[uint64]int32{} // by a hash of the key: if two keys have the same, they are not divided either
	var sizes []int32
	for i := range d.Len {
		group := int32(len(sizes))
		if d.Key != nil {
			k, err := d.Key(i)
			if err != nil {
				return nil, err
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
		g.of[i] = group
		sizes[group]++
		if d.Class != nil {
			g.left[d.Class(i)]++
		}
	}
	if len(sizes) < 2 {
		return nil, &Error{File: d.Name, What: words.Count(len(sizes), "different example", "different examples") +
			", at least 2 are needed to hold out a part: use more data, or name data to measure on"}
	}
	g.starts = make([]int32, len(sizes)+1)
	for i, n := range sizes {
		g.starts[i+1] = g.starts[i] + n
	}
	next := slices.Clone(g.starts)
	g.members = make([]int32, d.Len)
	for i, group := range g.of {
		g.members[next[group]] = int32(i)
		next[group]++
	}
	return g, nil
}

func (g *groups) len() int       { return len(g.starts) - 1 }
func (g *groups) size(i int) int { return int(g.starts[i+1] - g.starts[i]) }

// release takes a group out of training, unless that would leave a class without an example there.
func (g *groups) release(i int) bool {
	if g.class == nil {
		return true
	}
	members := g.members[g.starts[i]:g.starts[i+1]]
	emptied := false
	for _, m := range members {
		class := g.class(int(m))
		g.left[class]--
		emptied = emptied || g.left[class] == 0
	}
	if emptied {
		for _, m := range members {
			g.left[g.class(int(m))]++
		}
	}
	return !emptied
}

// Sources are the keys for a Division that keep pairs of the same source together.
func (p *Pairs) Sources(i int) (string, error) {
	pair, err := p.Pair(i)
	return pair.Source, err
}
