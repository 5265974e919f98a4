package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 300).Draw(t, "n")
		part := rapid.Float64Range(0.01, 0.99).Draw(t, "part")
		keys := rapid.IntRange(0, n).Draw(t, "keys") // 0: each example by itself
		d := Division{Name: "x", Len: n, Part: part, Seed: 7}
		if keys > 1 {
			d.Key = func(i int) (string, error) { return strconv.Itoa(i % keys), nil }
		}
		train, held, err := d.Split()
		if err != nil {
			t.Fatal(err)
		}
		all := append(slices.Clone(train), held...)
		slices.Sort(all)
		if !slices.IsSorted(train) || !slices.IsSorted(held) || !slices.Equal(all, counting(n)) || len(train) == 0 ||
			len(held) == 0 {
			t.Fatalf("%v and %v", train, held)
		}
		group := 1
		if d.Key != nil {
			group = (n + keys - 1) / keys
			for _, i := range held {
				for _, j := range train {
					if int(i)%keys == int(j)%keys {
						t.Fatalf("%d and %d have the same key", i, j)
					}
				}
			}
		}
		// As many as asked for, but for a group that does not fit any more, and the one that has to remain.
		want := min(max(int(part*float64(n)+0.5), 1), n-1)
		if len(held) > max(want, group) || len(held) < want-2*group+1 {
			t.Fatalf("held out %d of %d, want %d", len(held), n, want)
		}
	})
	split := func(n int, part float64, seed uint64) []int32 {
		_, held, err := Division{Name: "x", Len: n, Part: part, Seed: seed}.Split()
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	if !slices.Equal(split(100, 0.1, 1), split(100, 0.1, 1)) || slices.Equal(split(100, 0.1, 1), split(100, 0.1, 2)) {
		t.Error("the seed does not decide")
	}
	// The same on every machine, in every version.
	if diff := cmp.Diff([]int32{6, 7, 9, 11, 14, 15}, split(20, 0.3, 1)); diff != "" {
		t.Error(diff)
	}
	for n := range 2 {
		_, _, err := Division{Name: "FILE", Len: n, Part: 0.1, Seed: 1}.Split()
		wantError(t, "too few", "FILE", err, fmt.Sprintf("FILE: %d different %s, at least 2 are needed to hold out a part: "+
			"use more data, or name data to measure on",
			n, []string{"examples", "example"}[n]))
	}
}

// A text that is frequent stays in training, and the part that is held out has the size that was asked for,
// whatever the seed.
func TestSplitWithAFrequentText(t *testing.T) {
	for seed := range uint64(40) {
		d := Division{Name: "x", Len: 1000, Part: 0.1, Seed: seed,
			Key: func(i int) (string, error) { return strconv.Itoa(max(i, 450)), nil }}
		train, held, err := d.Split()
		if err != nil || len(held) != 100 || !slices.Equal(train[:450], counting(450)) {
			t.Fatalf("seed %d: %d to train on, %d held out, %v", seed, len(train), len(held), err)
		}
	}
	// Where all groups are larger than what is wanted, the smallest is held out.
	d := Division{Name: "x", Len: 10, Part: 0.1,
		Key: func(i int) (string, error) { return []string{"a", "b", "c"}[min(i/3, 2)], nil }}
	for d.Seed = range 20 {
		if _, held, err := d.Split(); err != nil || len(held) != 3 {
			t.Errorf("%v, %v", held, err)
		}
	}
}

// Of each class an example remains to train on, whatever the seed: also if examples of two classes have the same text.
func TestSplitKeepsClasses(t *testing.T) {
	// 0 for the first 40, then singletons
	class := func(i int) string { return strconv.Itoa(min(i, 40) / 20 * max(i-19, 0)) }
	for seed := range uint64(40) {
		d := Division{Name: "x", Len: 60, Part: 0.5, Seed: seed, Class: class,
			Key: func(i int) (string, error) { return strconv.Itoa(i / 2), nil }}
		train, held, err := d.Split()
		if err != nil || len(held) == 0 {
			t.Fatal(held, err)
		}
		in := map[string]bool{}
		for _, i := range train {
			in[class(int(i))] = true
		}
		for _, i := range held {
			if !in[class(int(i))] {
				t.Fatalf("seed %d: class %s is in the validation part only", seed, class(int(i)))
			}
		}
	}
	d := Division{Name: "FILE", Len: 5, Part: 0.2, Class: strconv.Itoa}
	_, _, err := d.Split()
	wantError(t, "singletons", "FILE", err,
		"FILE: each label has one example, or one text: none can be held out, so name data to measure on")
}

func TestSplitBySource(t *testing.T) {
	p := NewPairs("x", []Pair{{"a", "1"}, {"b", "2"}, {"a", "3"}, {"b", "4"}})
	train, held, err := Division{Name: p.Name, Len: p.Len(), Part: 0.25, Seed: 1, Key: p.Sources}.Split()
	if err != nil || len(train) != 2 || len(held) != 2 || (train[0]+train[1])%2 != 0 {
		t.Errorf("%v, %v, %v", train, held, err)
	}
	same := NewPairs("FILE", []Pair{{"a", "1"}, {"a", "2"}})
	_, _, err = Division{Name: same.Name, Len: same.Len(), Part: 0.5, Seed: 1, Key: same.Sources}.Split()
	wantError(t, "one source", "FILE", err,
		"FILE: 1 different example, at least 2 are needed to hold out a part: use more data, or name data to measure on")
}
