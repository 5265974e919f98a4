package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestHoldOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 300).Draw(t, "n")
		part := rapid.Float64Range(0.01, 0.99).Draw(t, "part")
		keys := rapid.IntRange(0, n).Draw(t, "keys") // 0: each example by itself
		var key func(int) (string, error)
		if keys > 1 {
			key = func(i int) (string, error) { return strconv.Itoa(i % keys), nil }
		}
		train, held, err := HoldOut("x", n, part, 7, key)
		if err != nil {
			t.Fatal(err)
		}
		all := append(slices.Clone(train), held...)
		slices.Sort(all)
		if !slices.IsSorted(train) || !slices.IsSorted(held) || !slices.Equal(all, counting(n)) || len(train) == 0 || len(held) == 0 {
			t.Fatalf("%v and %v", train, held)
		}
		group := 1
		if key != nil {
			group = (n + keys - 1) / keys
			for _, i := range held {
				for _, j := range train {
					if int(i)%keys == int(j)%keys {
						t.Fatalf("%d and %d have the same key", i, j)
					}
				}
			}
		}
		// As many as asked for, but for groups that are held out whole and the one that has to remain.
		want := min(max(int(part*float64(n)+0.5), 1), n-1)
		if len(held) > want+group-1 || len(held) < want-group+1 {
			t.Fatalf("held out %d of %d, want %d", len(held), n, want)
		}
	})
	a, _, _ := HoldOut("x", 100, 0.1, 1, nil)
	b, _, _ := HoldOut("x", 100, 0.1, 1, nil)
	c, _, _ := HoldOut("x", 100, 0.1, 2, nil)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the seed does not decide")
	}
	// The same on every machine, in every version.
	_, held, _ := HoldOut("x", 20, 0.3, 1, nil)
	if diff := cmp.Diff([]int32{6, 7, 9, 11, 14, 15}, held); diff != "" {
		t.Error(diff)
	}
	for n := range 2 {
		_, _, err := HoldOut("FILE", n, 0.1, 1, nil)
		wantError(t, "too few", "FILE", err, fmt.Sprintf("FILE: %d different examples, at least 2 are needed to hold out a part: use more data, or name data to measure on", n))
	}
}

func TestHoldOutBySource(t *testing.T) {
	p := NewPairs("x", []Pair{{"a", "1"}, {"b", "2"}, {"a", "3"}, {"b", "4"}})
	train, held, err := HoldOut(p.Name, p.Len(), 0.25, 1, p.Sources)
	if err != nil || len(train) != 2 || len(held) != 2 || (train[0]+train[1])%2 != 0 {
		t.Errorf("%v, %v, %v", train, held, err)
	}
	same := NewPairs("FILE", []Pair{{"a", "1"}, {"a", "2"}})
	_, _, err = HoldOut(same.Name, same.Len(), 0.5, 1, same.Sources)
	wantError(t, "one source", "FILE", err, "FILE: 1 different examples, at least 2 are needed to hold out a part: use more data, or name data to measure on")
}
