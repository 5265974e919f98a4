package decode_test

import (
	"math"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// A search that is cut does not give a worse text that happens to end for the one that is not finished: number writes
// numbers in digits, 1 is the end, and 1000 of 1001 times it writes the digits of 4567 before it ends.
func TestBeamThatIsCut(t *testing.T) {
	for _, width := range []int{1, 2, 5} {
		for limit, want := range map[int]struct {
			tokens []int32
			ended  bool
		}{
			2: {[]int32{4, 5}, false},
			4: {[]int32{4, 5, 6, 7}, false},
			5: {[]int32{4, 5, 6, 7, end}, true},
			9: {[]int32{4, 5, 6, 7, end}, true},
		} {
			got, err := decode.Beam{Width: width, Best: width, MaxLength: limit, Length: 0.6,
				Tokens: models.Tokens{Start: start, End: end}}.Search(&number{}, []int{1})
			if err != nil {
				t.Fatal(err)
			}
			if h := got[0][0]; !slices.Equal(h.Tokens, want.tokens) || h.Ended != want.ended {
				t.Errorf("width %d, at most %d tokens: %+v, want %v first", width, limit, h, want)
			}
			for i, h := range got[0] {
				if i > 0 && h.Score > got[0][i-1].Score {
					t.Errorf("width %d, at most %d tokens: hypothesis %d has a better score than that before it", width, limit, i)
				}
			}
		}
	}
}

// Nor does a long text that goes on stand before one that ends, only because long texts are preferred: 2 and the end
// have p = 0.5, and what begins with 3 is less likely and never ends.
func TestBeamThatEnds(t *testing.T) {
	got, err := decode.Beam{Width: 3, Best: 2, MaxLength: 40, Length: 0.6,
		Tokens: models.Tokens{Start: start, End: end}}.Search(&endless{}, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	if h := got[0][0]; !slices.Equal(h.Tokens, []int32{2, end}) || !h.Ended || got[0][1].Ended {
		t.Errorf("%+v, want 2 and its end first, and then what does not end", got[0])
	}
}

type endless struct{}

func (endless) Step(tokens, _ []int32) (s decode.Scores, err error) {
	never := math.Inf(-1)
	for _, token := range tokens {
		s.Double = append(s.Double, map[int32][]float64{
			start: {never, never, math.Log(0.5), math.Log(0.4)},
			2:     {never, 0, never, never},
			3:     {never, never, never, 0},
			end:   {never, 0, never, never},
		}[token])
	}
	return s, nil
}

// number is nearly sure of each digit of 4567; else it ends.
type number struct{ step int }

func (x *number) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for range tokens {
		ln := slices.Repeat([]float64{-12}, 8)
		ln[end] = math.Log(1e-3)
		if x.step < 4 {
			ln[4+x.step] = math.Log(0.998)
		} else {
			ln[end] = math.Log(0.998)
		}
		s.Double = append(s.Double, ln)
	}
	x.step++
	return s, nil
}

// No run of tokens occurs twice, in a search and in what is drawn; the end is always possible.
func TestNoRepeat(t *testing.T) {
	repeats := func(tokens []int32, n int) bool {
		for i := range tokens {
			for j := range i {
				if i+n <= len(tokens) && slices.Equal(tokens[i:i+n], tokens[j:j+n]) {
					return true
				}
			}
		}
		return false
	}
	for n := range 4 {
		c := decode.Beam{Width: 3, Best: 3, MaxLength: 30, NoRepeat: n, Tokens: models.Tokens{Start: start, End: end}}
		found, err := c.Search(stutter{}, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		drawing := decode.Sampling{Temperature: 1, NoRepeat: n}
		drawn, err := drawing.Sequences(stutter{}, []int{1}, 3, []int{30}, c.Tokens, randoms(1))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range append(found[0], drawn[0]...) {
			if got := n > 0 && repeats(h.Tokens, n); got || n == 0 && !repeats(h.Tokens, 3) {
				t.Errorf("runs of %d may not repeat: %v", n, h.Tokens)
			}
		}
	}
	// What is never repeated: of 2 tokens and the end, each at most once.
	got, err := decode.Beam{Width: 1, MaxLength: 30, NoRepeat: 1, Tokens: models.Tokens{Start: start, End: end}}.Search(
		stutter{}, []int{1},
	)
	if want := []int32{2, 3, end}; err != nil || !slices.Equal(got[0][0].Tokens, want) || !got[0][0].Ended {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// stutter writes 2 for ever, now and then 3, and hardly ever ends.
type stutter struct{}

func (stutter) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for range tokens {
		s.Double = append(s.Double, []float64{math.Inf(-1), math.Log(0.001), math.Log(0.9), math.Log(0.099)})
	}
	return s, nil
}
