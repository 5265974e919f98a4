package batches

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Plan says which examples are in which batch.
//
// Examples of similar length are together in a bucket, so that little is padded, and all batches of a bucket
// have the same shape, so that few programs have to be compiled. A batch has exactly Batch rows: what remains
// of a bucket joins a bucket of longer examples, and rows that still have no example are missing.
type Plan struct {
	Batch   int
	TooLong int // examples that were left out
	buckets []bucket
	batches int
	count   int
}

type bucket struct {
	Shape
	members []int32
}

// Config says how to make batches.
type Config struct {
	Batch   int   // B
	Buckets int   // the most different shapes; 0: DefaultBuckets
	Longest Shape // longer examples are left out and counted; a side that is 0 has no limit
}

// DefaultBuckets is the number of shapes if nothing else is said: on sentences it leaves an eighth of the steps
// to padding.
const DefaultBuckets = 8

// NewPlan divides examples with the given numbers into buckets. length is asked once for each.
func NewPlan(c Config, examples []int32, length func(i int32) (Shape, error)) (*Plan, error) {
	if err := cmp.Or(setting.AtLeast("Batch", c.Batch, 1), setting.AtLeast("Buckets", c.Buckets, 0)); err != nil {
		return nil, err
	}
	if length == nil {
		return nil, errors.New("there is no function that gives the length of an example")
	}
	if c.Buckets == 0 {
		c.Buckets = DefaultBuckets
	}
	p := &Plan{Batch: c.Batch}
	all := cells{}
	for _, i := range examples {
		s, err := length(i)
		if err != nil {
			return nil, err
		}
		if c.Longest.Source > 0 && s.Source > c.Longest.Source || c.Longest.Target > 0 && s.Target > c.Longest.Target {
			p.TooLong++
			continue
		}
		all.add(8, s, i)
		p.count++
	}
	if p.count == 0 {
		return nil, fmt.Errorf("no examples, and %d that are longer than %d and %d steps: allow longer ones, or "+
			"use other data", p.TooLong, c.Longest.Source, c.Longest.Target)
	}
	p.buckets = unite(all.few(), c.Buckets)
	p.batches = len(p.InOrder())
	return p, nil
}

// cells are buckets by rounded lengths.
type cells map[Shape]*bucket

func (c cells) add(digits int, s Shape, members ...int32) {
	at := Shape{RoundUp(s.Source, digits), RoundUp(s.Target, digits)}
	if c[at] == nil {
		c[at] = &bucket{}
	}
	c[at].Shape = c[at].over(s)
	c[at].members = append(c[at].members, members...)
}

// few rounds more and more coarsely until there are few enough to compare all with all.
func (c cells) few() cells {
	const most = 500
	for digits := 4; len(c) > most && digits > 0; digits /= 2 {
		coarser := cells{}
		for _, b := range c {
			coarser.add(digits, b.Shape, b.members...)
		}
		c = coarser
	}
	return c
}

// RoundUp is the next multiple of a power of two that is at most digits times the power: with 4, one of 1, 2,
// 3, 4, 6, 8, 12, ...
func RoundUp(n, digits int) int {
	step := 1
	for n > digits*step {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// unite joins buckets until there are at most n, always the two for which that adds the fewest steps of padding.
func unite(all cells, n int) []bucket {
	var buckets []bucket
	for _, b := range all {
		buckets = append(buckets, *b)
	}
	order := func() { // the same one each time, though a map has none
		slices.SortFunc(buckets, func(a, b bucket) int {
			return cmp.Or(cmp.Compare(a.steps(), b.steps()), cmp.Compare(a.Source, b.Source),
				cmp.Compare(a.members[0], b.members[0]))
		})
	}
	order()
	for len(buckets) > n {
		first, second, least := 0, 0, -1
		for i, a := range buckets {
			for j, b := range buckets[:i] {
				both := a.over(b.Shape).steps()
				more := (both-a.steps())*len(a.members) + (both-b.steps())*len(b.members)
				if least < 0 || more < least {
					first, second, least = j, i, more
				}
			}
		}
		a, b := &buckets[first], buckets[second]
		a.Shape = a.over(b.Shape)
		a.members = append(a.members, b.members...)
		buckets = slices.Delete(buckets, second, second+1)
	}
	for _, b := range buckets {
		slices.Sort(b.members)
	}
	order()
	return buckets
}

// Len is the number of batches in an epoch.
func (p *Plan) Len() int { return p.batches }

// Examples is the number of examples in an epoch.
func (p *Plan) Examples() int { return p.count }

// Shapes are the shapes that batches can have, the shortest first.
func (p *Plan) Shapes() []Shape {
	shapes := make([]Shape, len(p.buckets))
	for i, b := range p.buckets {
		shapes[i] = b.Shape
	}
	return shapes
}

// InOrder are the batches for measuring: the shortest examples first, each once.
func (p *Plan) InOrder() []Group { return p.groups(func([]int32) {}) }

// Epoch are the batches of an epoch, each example once, in an order that depends on the seed and the epoch alone.
func (p *Plan) Epoch(seed uint64, epoch int) []Group {
	random := rand.New(rand.NewPCG(seed, uint64(epoch)))
	groups := p.groups(func(x []int32) {
		random.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	})
	random.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	return groups
}

// Steps gives the batches of training steps, which are counted from 0 over all epochs. It is for one goroutine
// at a time.
func (p *Plan) Steps(seed uint64) func(step int) Group {
	epoch, groups := -1, []Group(nil)
	return func(step int) Group {
		if e := step / p.Len(); e != epoch {
			epoch, groups = e, p.Epoch(seed, e)
		}
		return groups[step%p.Len()]
	}
}

// Largest is the first step of an epoch with the largest batch.
func (p *Plan) Largest(seed uint64) (step int) {
	most := 0
	for i, g := range p.Epoch(seed, 0) {
		if n := g.steps() * len(g.Examples); n > most {
			step, most = i, n
		}
	}
	return step
}

func (p *Plan) groups(shuffle func([]int32)) []Group {
	var groups []Group
	more := make([][]int32, len(p.buckets)) // what remains of smaller buckets
	for i, b := range p.buckets {
		members := slices.Concat(b.members, more[i])
		shuffle(members)
		for len(members) >= p.Batch {
			groups = append(groups, Group{b.Shape, members[:p.Batch:p.Batch]})
			members = members[p.Batch:]
		}
		if len(members) == 0 {
			continue
		}
		larger := slices.IndexFunc(p.buckets[i+1:], func(l bucket) bool { return l.holds(b.Shape) })
		if larger >= 0 {
			more[i+1+larger] = append(more[i+1+larger], members...)
			continue
		}
		for len(members) < p.Batch {
			members = append(members, -1)
		}
		groups = append(groups, Group{b.Shape, members})
	}
	return groups
}
