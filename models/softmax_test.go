package models_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

func TestSoftmaxRefuses(t *testing.T) {
	for want, change := range map[string]func(c *models.LMConfig){
		"Cutoffs is [3 3]: it must be ascending numbers of tokens, larger than 0 and smaller than the 10 that there are": func(c *models.LMConfig) { c.Softmax.Cutoffs = []int{3, 3} },
		"Cutoffs is [0]: it must be ascending numbers of tokens, larger than 0 and smaller than the 10 that there are":   func(c *models.LMConfig) { c.Softmax.Cutoffs = []int{0} },
		"Cutoffs is [10]: it must be ascending numbers of tokens, larger than 0 and smaller than the 10 that there are":  func(c *models.LMConfig) { c.Softmax.Cutoffs = []int{10} },
		"Samples is 6: it must be in [0, 5], half the tokens":                                                            func(c *models.LMConfig) { c.Softmax.Samples = 6 },
		"Samples is 2: it must be 0 with Cutoffs: a softmax is adaptive or sampled": func(c *models.LMConfig) {
			c.Softmax = models.Softmax{Cutoffs: []int{3}, Samples: 2}
		},
		"Tied is true: it must be left out with Cutoffs, an adaptive softmax: its weights have not the size of an embedding": func(c *models.LMConfig) {
			c.Softmax.Cutoffs, c.Tied = []int{3}, true
		},
	} {
		c := models.LMConfig{Vocab: 10, Cell: models.CellConfig{Kind: "gru"}, Hidden: 4, Layers: 1, Embed: 4}
		change(&c)
		_, err := c.Weights()
		var wrong *models.SettingError
		if !errors.As(err, &wrong) || wrong.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A token is in the cluster whose cutoffs it lies between.
func TestSoftmaxRows(t *testing.T) {
	s := models.Softmax{Cutoffs: []int{3, 5}}
	if got := fmt.Sprint(s.Rows([]int32{2, 3, 4, 5, 0, 9, 3})); got != "[[1 2 6] [3 5]]" {
		t.Error(got)
	}
}

// Different tokens are drawn, each as often as the loss takes it to be: 1 - (1 - P)^tries.
func TestSoftmaxDraws(t *testing.T) {
	const vocab, runs = 30, 20000
	s := models.Softmax{Samples: 6}
	random := rand.New(rand.NewPCG(1, 2))
	var drawn, expected [vocab]float64
	for range runs {
		tokens, tries := s.Draw(vocab, random)
		slices.Sort(tokens)
		if len(slices.Compact(tokens)) != 6 || tries < 6 || tokens[0] < 0 || tokens[5] >= vocab {
			t.Fatalf("%v after %d draws", tokens, tries)
		}
		for _, x := range tokens {
			drawn[x]++
		}
		for x := range vocab {
			p := math.Log(float64(x+2)/float64(x+1)) / math.Log(vocab+1)
			expected[x] += 1 - math.Pow(1-p, float64(tries))
		}
	}
	for x := range vocab {
		// That the number of draws depends on what was drawn makes a small difference.
		if math.Abs(drawn[x]-expected[x]) > 0.05*expected[x]+4*math.Sqrt(expected[x]) {
			t.Errorf("token %d: drawn %g times, expected %g", x, drawn[x], expected[x])
		}
	}
}

func TestChooseCutoffs(t *testing.T) {
	counts := make([]int, 10000)
	for i := range counts {
		counts[i] = 1
		if i < 100 {
			counts[i] = 100000
		}
	}
	cuts, err := models.ChooseCutoffs(counts, 256, 700)
	if err != nil || !slices.ContainsFunc(cuts, func(c int) bool { return c >= 100 && c <= 125 }) {
		t.Errorf("100 frequent tokens: cutoffs %v, %v", cuts, err)
	}
	for i := range counts { // as words are distributed
		counts[i] = 1e9 / (i + 3)
	}
	all, head := 0, 0
	for _, n := range counts {
		all += n
	}
	if cuts, err = models.ChooseCutoffs(counts, 256, 700); err != nil || len(cuts) != 2 || !slices.IsSorted(cuts) {
		t.Fatal(cuts, err)
	}
	for _, n := range counts[:cuts[0]] {
		head += n
	}
	if share := float64(head) / float64(all); share < 0.75 || share > 0.85 {
		t.Errorf("cutoffs %v: %g of all targets in the head", cuts, share)
	}
	for _, few := range [][]int{{1, 1, 1, 1}, {0, 0, 0, 0, 0, 0, 0}} {
		if cuts, err := models.ChooseCutoffs(few, 256, 700); err == nil {
			t.Errorf("counts %v: cutoffs %v", few, cuts)
		}
	}
}
