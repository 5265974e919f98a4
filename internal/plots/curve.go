package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
)

// Curve is a number at steps that only grow. It takes a bounded amount of memory: of very many steps those that lie
// beside each other become a bucket, which keeps its least, its greatest and its mean, so that no extreme is lost.
type Curve struct {
	buckets []bucket
	width   float64 // steps of a bucket; 0: each has one
	lost    []float64
	count   int
}

// bucket is what is known of the numbers of some steps beside each other.
type bucket struct {
	first, last float64 // steps
	min, max    float64
	mean        float64
	n           int
}

// mostBuckets is more than a panel has pixels, so that what is merged cannot be told apart there.
const mostBuckets = 400

// mostLost is how many steps are kept whose number was not finite.
const mostLost = 100

// tooLarge is what counts as infinite: an axis is longer than its numbers.
const tooLarge = 1e300

// Add adds the number at a step. One that is not finite is only counted.
func (c *Curve) Add(step, y float64) {
	c.count++
	if !(math.Abs(y) < tooLarge) {
		if c.lost = append(c.lost, step); len(c.lost) > mostLost {
			c.lost = slices.Delete(c.lost, mostLost/2, mostLost/2+1) // the first and the newest say most
		}
		return
	}
	b := bucket{step, step, y, y, y, 1}
	if k := len(c.buckets) - 1; k >= 0 && c.width > 0 && c.together(c.buckets[k], b) {
		c.buckets[k].add(b)
		return
	}
	if c.buckets = append(c.buckets, b); len(c.buckets) > mostBuckets {
		c.merge()
	}
}

// together says whether two buckets lie in one of the width.
func (c *Curve) together(a, b bucket) bool {
	return math.Floor(a.first/c.width) == math.Floor(b.first/c.width)
}

// merge makes buckets of half as many.
func (c *Curve) merge() {
	for len(c.buckets) > mostBuckets {
		if c.width *= 2; c.width == 0 {
			c.width = 2
		}
		merged := c.buckets[:1]
		for _, b := range c.buckets[1:] {
			if k := len(merged) - 1; c.together(merged[k], b) {
				merged[k].add(b)
			} else {
				merged = append(merged, b)
			}
		}
		c.buckets = merged
	}
}

func (b *bucket) add(x bucket) {
	n := b.n + x.n
	b.mean += (x.mean - b.mean) * (float64(x.n) / float64(n))
	b.last, b.min, b.max, b.n = x.last, min(b.min, x.min), max(b.max, x.max), n
}

// Len is how many numbers the curve has, finite or not.
func (c *Curve) Len() int { return c.count }

// span is from the least number to the greatest; from +Inf to -Inf if there is none.
func (c *Curve) span() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, b := range c.buckets {
		low, high = min(low, b.min), max(high, b.max)
	}
	return low, high
}

// steps are the first and the last step that has a number, finite or not; +Inf and -Inf without one.
func (c *Curve) steps() (first, last float64) {
	first, last = math.Inf(1), math.Inf(-1)
	if n := len(c.buckets); n > 0 {
		first, last = c.buckets[0].first, c.buckets[n-1].last
	}
	if n := len(c.lost); n > 0 {
		first, last = min(first, c.lost[0]), max(last, c.lost[n-1])
	}
	return first, last
}

// line are the means, each in the middle of its steps; but the ends of the curve are where they are.
func (c *Curve) line() plotter.XYs {
	xys := make(plotter.XYs, len(c.buckets))
	for i, b := range c.buckets {
		xys[i] = plotter.XY{X: (b.first + b.last) / 2, Y: b.mean}
	}
	if n := len(xys); n > 1 {
		xys[0].X, xys[n-1].X = c.buckets[0].first, c.buckets[n-1].last
	}
	return xys
}

// band is the outline of what lies between the least and the greatest; nil where all buckets have one number.
func (c *Curve) band() plotter.XYs {
	if c.width == 0 {
		return nil
	}
	line := c.line()
	ring := make(plotter.XYs, 0, 2*len(line))
	for i, b := range c.buckets {
		ring = append(ring, plotter.XY{X: line[i].X, Y: b.min})
	}
	for i, b := range slices.Backward(c.buckets) {
		ring = append(ring, plotter.XY{X: line[i].X, Y: b.max})
	}
	return ring
}
