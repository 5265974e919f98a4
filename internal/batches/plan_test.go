package batches

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/datasets"
)

func iota32(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

func planOf(t interface{ Fatal(...any) }, c Config, lengths []Shape) *Plan {
	p, err := NewPlan(c, iota32(len(lengths)), func(i int32) (Shape, error) { return lengths[i], nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each epoch has each example once, in batches that hold it, of few shapes.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Custom(func(t *rapid.T) Shape {
			return Shape{rapid.IntRange(1, 40).Draw(t, "source"), rapid.IntRange(0, 40).Draw(t, "target")}
		})
		lengths := rapid.SliceOfN(length, 1, 200).Draw(t, "lengths")
		c := Config{Batch: rapid.IntRange(1, 20).Draw(t, "batch"), Buckets: rapid.IntRange(1, 6).Draw(t, "buckets")}
		p := planOf(t, c, lengths)
		shapes := p.Shapes()
		if len(shapes) > c.Buckets {
			t.Fatalf("%d shapes, allowed are %d", len(shapes), c.Buckets)
		}
		seed, epoch := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 9).Draw(t, "epoch")
		for _, groups := range [][]Group{p.Epoch(seed, epoch), p.InOrder()} {
			if len(groups) != p.Len() {
				t.Fatalf("%d batches, want %d", len(groups), p.Len())
			}
			seen := make([]int, len(lengths))
			for _, g := range groups {
				if len(g.Examples) != c.Batch || g.Count() == 0 || !slices.Contains(shapes, g.Shape) {
					t.Fatalf("%+v", g)
				}
				for b, i := range g.Examples {
					if (i >= 0) != (b < g.Count()) {
						t.Fatalf("examples are missing before others: %v", g.Examples)
					}
					if i < 0 {
						continue
					}
					if seen[i]++; !g.holds(lengths[i]) {
						t.Fatalf("%v does not hold %v", g.Shape, lengths[i])
					}
				}
			}
			if slices.Min(seen) != 1 || slices.Max(seen) != 1 {
				t.Fatalf("examples were drawn so often: %v", seen)
			}
		}
	})
}

func TestEpochsAreShuffled(t *testing.T) {
	lengths := make([]Shape, 1000)
	for i := range lengths {
		lengths[i] = Shape{5, 5}
	}
	p := planOf(t, Config{Batch: 10}, lengths)
	order := func(seed uint64, epoch int) (order []int32) {
		for _, g := range p.Epoch(seed, epoch) {
			order = append(order, g.Examples...)
		}
		return order
	}
	a := order(1, 0)
	if !slices.Equal(a, order(1, 0)) {
		t.Error("the same epoch twice is not the same")
	}
	for name, b := range map[string][]int32{"another epoch": order(1, 1), "another seed": order(2, 0),
		"order": iota32(1000)} {
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		if same > 10 { // one is expected, more than ten in 10⁸ cases never
			t.Errorf("%s: %d of 1000 examples are in the same place", name, same)
		}
	}
	// The same on every machine, in every version: a run that goes on there sees the same batches.
	if diff := cmp.Diff([]int32{550, 602, 538, 67, 797, 9, 920, 845}, a[:8]); diff != "" {
		t.Error(diff)
	}
}

// The batch of a step is that of its epoch, in whatever order steps are asked for.
func TestSteps(t *testing.T) {
	var lengths []Shape
	for i := range 23 {
		lengths = append(lengths, Shape{i%7 + 1, i%5 + 1})
	}
	p := planOf(t, Config{Batch: 4, Buckets: 3}, lengths)
	at := p.Steps(3)
	for _, step := range []int{0, 1, p.Len(), 3*p.Len() - 1, p.Len() - 1, 2 * p.Len()} {
		epoch := p.Epoch(3, step/p.Len())
		if len(epoch) != p.Len() {
			t.Fatalf("%d batches in epoch %d, want %d", len(epoch), step/p.Len(), p.Len())
		}
		if diff := cmp.Diff(epoch[step%p.Len()], at(step)); diff != "" {
			t.Errorf("step %d: %s", step, diff)
		}
	}
}

// What remains of a bucket goes where it fits; only the longest have rows that are missing.
func TestRemainders(t *testing.T) {
	var lengths []Shape
	for _, n := range []int{2, 4, 8, 16} {
		for range 11 {
			lengths = append(lengths, Shape{n, n})
		}
	}
	p := planOf(t, Config{Batch: 4, Buckets: 4}, lengths)
	if diff := cmp.Diff([]Shape{{2, 2}, {4, 4}, {8, 8}, {16, 16}}, p.Shapes()); diff != "" {
		t.Fatal(diff)
	}
	counts := map[Shape][]int{}
	for _, g := range p.InOrder() {
		counts[g.Shape] = append(counts[g.Shape], g.Count())
	}
	want := map[Shape][]int{{2, 2}: {4, 4}, {4, 4}: {4, 4, 4}, {8, 8}: {4, 4, 4}, {16, 16}: {4, 4, 4}}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

func TestPlanRefuses(t *testing.T) {
	lengths := []Shape{{3, 3}, {9, 2}, {2, 9}}
	length := func(i int32) (Shape, error) { return lengths[i], nil }
	p, err := NewPlan(Config{Batch: 2, Longest: Shape{Source: 8}}, iota32(3), length)
	if err != nil || p.TooLong != 1 || p.Examples() != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	for name, c := range map[string]Config{
		"no batch": {}, "fewer than no buckets": {Batch: 1, Buckets: -1}, "all too long": {Batch: 1, Longest: Shape{1, 1}},
	} {
		if _, err := NewPlan(c, iota32(3), length); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRoundUp(t *testing.T) {
	want := map[int][]int{
		8: {1, 2, 3, 4, 5, 6, 7, 8, 10, 10, 12, 12, 14, 14, 16, 16, 20, 20, 20, 20, 24},
		2: {1, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32, 32},
	}
	for digits, want := range want {
		var got []int
		for n := range want {
			got = append(got, RoundUp(n+1, digits))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", digits, diff)
		}
	}
}

// However different the lengths are, comparing all with all does not take long.
func TestManyLengths(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	lengths := make([]Shape, 100_000)
	for i := range lengths {
		lengths[i] = Shape{1 << random.IntN(20), random.IntN(1<<random.IntN(20)) + 1}
	}
	if n := len(planOf(t, Config{Batch: 64, Buckets: 5}, lengths).Shapes()); n != 5 {
		t.Errorf("%d shapes", n)
	}
}

// BenchmarkPlan measures the padding of Multi30k, UNROLL_DATA/multi30k, in words and lower case.
func BenchmarkPlan(b *testing.B) {
	dir := os.Getenv("UNROLL_DATA")
	if dir == "" {
		b.Skip("needs UNROLL_DATA")
	}
	pairs, err := datasets.ReadParallel(dir+"/multi30k/train.lc.norm.tok.de.gz",
		dir+"/multi30k/train.lc.norm.tok.en.gz", false)
	if err != nil {
		b.Fatal(err)
	}
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Word}, slices.Values([]string{"a"}))
	if err != nil {
		b.Fatal(err)
	}
	set, err := NewSeq2Seq(pairs, v, v, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, buckets := range []int{1, 4, 8, 16} {
		b.Run("", func(b *testing.B) {
			var p *Plan
			for b.Loop() {
				if p, err = NewPlan(Config{Batch: 128, Buckets: buckets}, iota32(pairs.Len()), set.Length); err != nil {
					b.Fatal(err)
				}
			}
			steps, used := 0, 0
			for _, g := range p.Epoch(1, 0) {
				steps += g.steps() * len(g.Examples)
				for _, i := range g.Examples {
					if i >= 0 {
						s, _ := set.Length(i)
						used += s.steps()
					}
				}
			}
			b.ReportMetric(100*(1-float64(used)/float64(steps)), "%padding")
			b.ReportMetric(float64(p.Len()), "batches")
			b.Log(p.Shapes())
		})
	}
}
