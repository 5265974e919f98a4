package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
)

func all(t *testing.T, p *datasets.Pairs) []datasets.Pair {
	t.Helper()
	pairs := make([]datasets.Pair, p.Len())
	for i := range pairs {
		var err error
		if pairs[i], err = p.Pair(i); err != nil {
			t.Fatal(err)
		}
	}
	return pairs
}

func TestPairs(t *testing.T) {
	right := map[string]func(datasets.Pair) bool{
		"dates": func(p datasets.Pair) bool {
			_, err := time.Parse(time.DateOnly, p.Target)
			return err == nil
		},
		"copy": func(p datasets.Pair) bool { return p.Source == p.Target && len(p.Source) <= 10 },
		"reverse": func(p datasets.Pair) bool {
			n := len(p.Source)
			for i := range n {
				if p.Source[i] != p.Target[n-1-i] {
					return false
				}
			}
			return n == len(p.Target) && n <= 10
		},
		"addition": func(p datasets.Pair) bool {
			a, b, _ := strings.Cut(p.Source, "+")
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return strconv.Itoa(x+y) == p.Target && len(a) <= 3 && len(b) <= 3
		},
	}
	for _, task := range Tasks {
		c := Config{Seed: 1, Train: 3000, Valid: 300}
		train, valid, err := Pairs(task, c)
		if err != nil {
			t.Fatal(err)
		}
		if train.Len() != c.Train || valid.Len() != c.Valid {
			t.Errorf("%s: %d and %d", task, train.Len(), valid.Len())
		}
		sources, targets := map[string]bool{}, map[string]bool{}
		lengths := map[int]bool{}
		for _, p := range all(t, train) {
			if !right[task](p) {
				t.Errorf("%s: %q", task, p)
			}
			sources[p.Source], targets[p.Target], lengths[len(p.Source)] = true, true, true
		}
		for _, p := range all(t, valid) {
			if !right[task](p) {
				t.Errorf("%s: %q", task, p)
			}
			if sources[p.Source] || task == "dates" && targets[p.Target] {
				t.Errorf("%s: %q is to train on and to measure on", task, p)
			}
		}
		if len(lengths) < 5 {
			t.Errorf("%s: sources have %d different lengths", task, len(lengths))
		}
		again, _, err := Pairs(task, c)
		if err != nil || again.SHA256 != train.SHA256 {
			t.Errorf("%s: the same seed gives other data, %v", task, err)
		}
		c.Seed++
		other, _, err := Pairs(task, c)
		if err != nil || other.SHA256 == train.SHA256 {
			t.Errorf("%s: another seed gives the same data, %v", task, err)
		}
	}
}

func TestPairsRefuses(t *testing.T) {
	for _, c := range []struct {
		task string
		Config
		want string
	}{
		{"sorting", Config{Train: 1, Valid: 1}, `there is no task "sorting"; the tasks are dates, copy, reverse, addition`},
		{"copy", Config{Train: 1}, "1 examples to train on and 0 to measure on, 0 long: there must be at least one of each"},
		{"copy", Config{Train: 400, Valid: 10, Longest: 2}, "410 examples of at most 702: make them longer, or fewer"},
		{"addition", Config{Train: 100, Valid: 10, Longest: 1}, "110 examples of at most 100: make them longer, or fewer"},
		{"dates", Config{Train: 1_000_000, Valid: 10}, "1000000 examples of 657460: make fewer"},
	} {
		if _, _, err := Pairs(c.task, c.Config); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.task, err, c.want)
		}
	}
	if _, _, err := Pairs("addition", Config{Train: 100, Valid: 10, Longest: 99}); err != nil {
		t.Error(err)
	}
}

// All lengths of summands are equally frequent, but for the few different sums of short ones.
func TestSummands(t *testing.T) {
	train, _, err := Pairs("addition", Config{Seed: 1, Train: 3000, Valid: 1})
	if err != nil {
		t.Fatal(err)
	}
	counts, zeros := [4]int{}, 0
	for _, p := range all(t, train) {
		for s := range strings.SplitSeq(p.Source, "+") {
			if counts[len(s)]++; s == "0" {
				zeros++
			} else if s[0] == '0' {
				t.Errorf("%q", p.Source)
			}
		}
	}
	if slices.Min(counts[1:]) < 1300 || zeros < 50 {
		t.Errorf("lengths of summands %v, %d are 0", counts[1:], zeros)
	}
}

func TestForms(t *testing.T) {
	day := int(time.Date(1979, time.May, 3, 0, 0, 0, 0, time.UTC).Sub(firstDay).Hours() / 24)
	var got []string
	for form := range write {
		p := date(day, form)
		if p.Target != "1979-05-03" {
			t.Errorf("%q is %s", p.Source, p.Target)
		}
		got = append(got, p.Source)
	}
	if diff := cmp.Diff(Forms, got); diff != "" {
		t.Error(diff)
	}
	if last := date(numDays-1, 0).Source; last != "2049-12-31" {
		t.Errorf("the last day is %s", last)
	}
	want := "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th 21st 22nd 23rd " +
		"24th 25th 26th 27th 28th 29th 30th 31st"
	var ns []string
	for n := range 31 {
		ns = append(ns, ordinal(n+1))
	}
	if diff := cmp.Diff(want, strings.Join(ns, " ")); diff != "" {
		t.Error(diff)
	}
	if n := len(ordinals); n != 31 {
		t.Errorf("%d ordinals", n)
	}
}

// No text stands for two dates.
func TestDatesAreUnambiguous(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through all dates")
	}
	meaning := make(map[string]int32, numDays*len(write))
	for day := range numDays {
		d := firstDay.AddDate(0, 0, day)
		for _, w := range write {
			s := w(d)
			if other, ok := meaning[s]; ok && other != int32(day) {
				t.Fatalf("%q is day %d and %d", s, other, day)
			}
			meaning[s] = int32(day)
		}
	}
}

func TestAdding(t *testing.T) {
	a := Adding{Seed: 1, Steps: 11}
	const batch = 500
	x, y := make([]float32, a.Steps*batch*2), make([]float32, batch)
	examples := make([]int32, batch)
	for i := range examples {
		examples[i] = int32(i)
	}
	a.Fill(examples, x, y)
	mean, mse := 0.0, 0.0
	places := map[int]bool{}
	for b := range batch {
		var marked []int
		sum := float32(0)
		for s := range a.Steps {
			u, m := x[(s*batch+b)*2], x[(s*batch+b)*2+1]
			mean += float64(u) / float64(batch*a.Steps)
			if m == 1 {
				marked = append(marked, s)
				places[s] = true
				sum += u
			}
		}
		if len(marked) != 2 || marked[0] >= 5 || marked[1] < 5 || sum != y[b] {
			t.Fatalf("marked are %v, the sum is %g, y %g", marked, sum, y[b])
		}
		mse += float64((y[b]-1)*(y[b]-1)) / batch
	}
	// U[0,1) has mean 1/2 and variance 1/12, so the mean of 5500 has a deviation of 0.004, and the error of 1
	// one of 1/6 ± 0.009.
	if math.Abs(mean-0.5) > 0.02 || math.Abs(mse-1.0/6) > 0.045 || len(places) != a.Steps {
		t.Errorf("mean %g, error %g, %d steps are marked", mean, mse, len(places))
	}
	z, w := make([]float32, a.Steps*2), make([]float32, 1)
	a.Fill([]int32{7}, z, w)
	if w[0] != y[7] || z[2] != x[(batch+7)*2] {
		t.Error("an example depends on its batch")
	}
}

func ExamplePairs() {
	train, _, _ := Pairs("dates", Config{Seed: 1, Train: 3, Valid: 1})
	for i := range train.Len() {
		p, _ := train.Pair(i)
		fmt.Printf("%s -> %s\n", p.Source, p.Target)
	}
	// Output:
	// 05/16/17 -> 2017-05-16
	// 19521107 -> 1952-11-07
	// 17. Aug 2012 -> 2012-08-17
}

// The adding problem as series: the number is the sum of the marked ones, and none of those to train on is
// among those to measure on.
func TestNumbers(t *testing.T) {
	train, valid, err := Numbers("adding-7", Config{Seed: 3, Train: 20, Valid: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(train.Cases) != 20 || len(valid.Cases) != 5 || train.Channels != 2 || !train.Regression ||
		train.SHA256 == valid.SHA256 {
		t.Errorf("%d and %d cases", len(train.Cases), len(valid.Cases))
	}
	seen := map[float64]bool{}
	for _, c := range append(valid.Cases, train.Cases...) {
		sum, marks := 0.0, 0.0
		for s, mark := range c.Values[1] {
			sum, marks = sum+mark*c.Values[0][s], marks+mark
		}
		if len(c.Values[0]) != 7 || marks != 2 || math.Abs(sum-c.Number) > 1e-6 || seen[c.Number] {
			t.Errorf("%+v", c)
		}
		seen[c.Number] = true
	}
	for _, name := range []string{"adding-1", "adding-x", "adding-100001", "adding50", "dates", ""} {
		if _, _, err := Numbers(name, Config{Train: 1, Valid: 1}); err == nil {
			t.Errorf("the task %q was made", name)
		}
	}
	if long, _, err := Numbers("adding", Config{Train: 1, Valid: 1}); err != nil || long.Cases[0].Len() != 200 {
		t.Errorf("%v", err)
	}
}
