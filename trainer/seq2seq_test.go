package trainer

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/optim"
)

func newTestSeq2Seq(t *testing.T, c Seq2SeqConfig) *Seq2Seq {
	t.Helper()
	c.Model.Source, c.Model.Target, c.Model.Tokens = 8, 8, models.DefaultTokens
	c.Model.Cell, c.Model.Embed, c.Model.Hidden, c.Model.Layers = models.CellConfig{Kind: "gru"}, 8, 16, 1
	c.Seed, c.Optimizer, c.Clip, c.Device = 3, optim.DefaultAdam, 1, cpu.New(cpu.Threads(1))
	m, err := NewSeq2Seq(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// reversals are four sources of 1 to 3 of four letters and their reversals, the k-th of several, padded to more steps.
func reversals(k, padding int) Translations {
	const batch = 4
	steps := 4 + padding
	x := Translations{SourceSteps: steps, TargetSteps: steps, Batch: batch, Source: make([]int32, steps*batch),
		Target: make([]int32, steps*batch)}
	for b := range batch {
		n := 1 + (k+b)%3
		for s := range n {
			letter := int32(4 + (k*(s+1)+b*b+s)%4)
			x.Source[s*batch+b], x.Target[(n-1-s)*batch+b] = letter, letter
		}
		x.Source[n*batch+b], x.Target[n*batch+b] = models.DefaultTokens.End, models.DefaultTokens.End
	}
	return x
}

func seq2seqLosses(t *testing.T, m *Seq2Seq, from, to int, padding func(k int) int) []float64 {
	t.Helper()
	var ls []float64
	for k := from; k < to; k++ {
		l, norm, err := m.Train(reversals(k, padding(k)), k, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if !(norm > 0) {
			t.Fatalf("step %d: gradient of norm %g", k, norm)
		}
		ls = append(ls, l)
	}
	return ls
}

func none(int) int      { return 0 }
func byTurns(k int) int { return k * k % 3 }

// It learns to reverse, and all ways to translate agree.
func TestSeq2SeqLearns(t *testing.T) {
	m := newTestSeq2Seq(t, Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.General{}, Feeding: true},
		TeacherForcing: 1})
	seq2seqLosses(t, m, 0, 400, none)
	x := reversals(1, 0)
	s, err := m.Eval(x)
	if err != nil {
		t.Fatal(err)
	}
	if s.Count != (2+3+1+2)+4 || s.Correct != s.Count || s.Top2 != s.Count || s.NLL > 0.1*float64(s.Count) {
		t.Errorf("measured %+v", s)
	}
	written, err := m.Greedy(x.Source, x.Batch, 6)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(slices.Clone(x.Target), make([]int32, 2*x.Batch)...); !slices.Equal(written, want) {
		t.Errorf("written %v, want %v", written, want)
	}
	together, err := m.Search(x.Source, x.Batch, decode.Beam{Width: 3, Best: 3, MaxLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	for b := range x.Batch {
		var source, want []int32
		for s := range x.SourceSteps {
			source = append(source, x.Source[s*x.Batch+b])
			if token := x.Target[s*x.Batch+b]; token != models.DefaultTokens.Padding {
				want = append(want, token)
			}
		}
		for _, width := range []int{1, 3} {
			found, err := m.Search(source, 1, decode.Beam{Width: width, Best: width, MaxLength: 6})
			if err != nil {
				t.Fatal(err)
			}
			if len(found[0]) != width || !slices.Equal(found[0][0].Tokens, want) {
				t.Errorf("a beam of %d found %v, want %v first", width, found, want)
			}
			if width < 3 {
				continue
			}
			for k, h := range together[b] {
				if alone := found[0][k]; !slices.Equal(h.Tokens, alone.Tokens) || math.Abs(h.LogProb-alone.LogProb) > 1e-4 ||
					len(h.Weights[0]) != len(alone.Weights[0]) {
					t.Errorf("source %d, hypothesis %d: %+v in a batch, %+v alone", b, k, h, alone)
				}
			}
		}
	}
}

// Programs for shapes make room for others; what they find stays the same.
func TestSeq2SeqShapesMakeRoom(t *testing.T) {
	m := newTestSeq2Seq(t, Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.Dot{}}, TeacherForcing: 1})
	source := []int32{4, 5, 3}
	search := func(width int) []decode.Hypothesis {
		found, err := m.Search(source, 1, decode.Beam{Width: width, MaxLength: 5})
		if err != nil {
			t.Fatal(err)
		}
		return found[0]
	}
	first := search(1)
	for width := range mostBeams {
		search(width + 2)
		search(2) // is used, and so it stays
	}
	if n := len(m.beam); n != mostBeams || len(m.recent) != n || len(m.programs) != 2*n {
		t.Errorf("%d shapes, %d noted, %d programs", n, len(m.recent), len(m.programs))
	}
	for at, d := range m.beam {
		if d.stepper.Room != &m.room {
			t.Errorf("%+v has memory on the host for itself", at)
		}
	}
	if at := (beamShape{3, 1, 1}); m.beam[at] != nil || m.beam[beamShape{3, 1, 2}] == nil {
		t.Error("the wrong shape has made room")
	}
	if again := search(1); !slices.Equal(again[0].Tokens, first[0].Tokens) || again[0].LogProb != first[0].LogProb {
		t.Errorf("found %+v, and before %+v", again, first)
	}
}

// Programs that take much memory make room for others, too, but for those of a search that goes on; the weights of those
// that stay are not written again.
func TestSeq2SeqBytesMakeRoom(t *testing.T) {
	m := newTestSeq2Seq(t, Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.Dot{}}, TeacherForcing: 1})
	source := slices.Repeat([]int32{4, 5, 6, 3}, 16)
	search := func(steps int) [][]decode.Hypothesis {
		found, err := m.Search(source[:16*steps], 16, decode.Beam{Width: 2, MaxLength: 6})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	first := search(1)
	m.placed["none of the weights"] = 1 // for as long as they are
	m.keep = 1
	for _, steps := range []int{2, 3, 1} {
		again := search(steps)
		for at := range m.beam {
			if at.source != steps {
				t.Errorf("programs for %+v are kept while others search", at)
			}
		}
		if steps == 1 && !reflect.DeepEqual(again, first) {
			t.Errorf("found %+v, and before %+v", again, first)
		}
	}
	if len(m.recent) != len(m.beam) || m.placed["none of the weights"] != 1 {
		t.Errorf("%d shapes, %d noted; weights in their place: %v", len(m.beam), len(m.recent), m.placed)
	}
	Seq2Seqs{m}.Keep(1 << 20)
	for _, steps := range []int{2, 3} {
		search(steps)
	}
	for _, steps := range []int{1, 2, 3} {
		if m.beam[beamShape{steps, 16, 2}] == nil {
			t.Errorf("programs for %d steps are gone, and they may be kept", steps)
		}
	}
}

// Eval counts what Train does, without smoothing; batches of several shapes train the same weights.
func TestSeq2SeqShapes(t *testing.T) {
	c := Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.Dot{}}, TeacherForcing: 1}
	m := newTestSeq2Seq(t, c)
	s, err := m.Eval(reversals(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := seq2seqLosses(t, m, 0, 20, none)
	if mean := s.NLL / float64(s.Count); math.Abs(mean-want[0]) > 1e-5 {
		t.Errorf("measured %v, trained at %v", mean, want[0])
	}
	for k, l := range seq2seqLosses(t, newTestSeq2Seq(t, c), 0, 20, byTurns) {
		if math.Abs(l-want[k]) > 1e-5*want[k] {
			t.Errorf("step %d: loss %v with padding, %v without", k, l, want[k])
		}
	}
}

// Unknown targets count in the loss, and neither for nor against accuracy, however likely the model finds them.
func TestSeq2SeqUnknown(t *testing.T) {
	m := newTestSeq2Seq(t, Seq2SeqConfig{TeacherForcing: 1})
	x := reversals(1, 0)
	unknown := 0
	for i, token := range x.Target {
		if token > models.DefaultTokens.End {
			x.Target[i] = models.DefaultTokens.Unknown
			unknown++
		}
	}
	for k := range 100 {
		if _, _, err := m.Train(x, k, 0.01); err != nil {
			t.Fatal(err)
		}
	}
	s, err := m.Eval(x)
	if err != nil {
		t.Fatal(err)
	}
	if s.Unknown != unknown || s.Count != unknown+x.Batch || s.Known() != x.Batch || s.Correct != x.Batch ||
		s.Top2 != x.Batch {
		t.Errorf("measured %+v, want %d unknown tokens and %d ends that are right", s, unknown, x.Batch)
	}
	// It writes what it learned: that it does not know.
	written, err := m.Greedy(x.Source, x.Batch, 6)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(slices.Clone(x.Target), make([]int32, 2*x.Batch)...); !slices.Equal(written, want) {
		t.Errorf("written %v, want %v", written, want)
	}
	found, err := m.Search(x.Source, x.Batch, decode.Beam{Width: 1, MaxLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	for b, hs := range found {
		for i, token := range hs[0].Tokens {
			if token != x.Target[i*x.Batch+b] {
				t.Errorf("source %d: found %v", b, hs[0].Tokens)
			}
		}
	}
}

// The probability of teacher forcing is that of its decay at each step.
func TestSeq2SeqTeacherDecay(t *testing.T) {
	decay := func(step int) float64 { return []float64{1, 0.5, 0}[min(step, 2)] }
	m := newTestSeq2Seq(t, Seq2SeqConfig{TeacherForcing: 0.8, TeacherDecay: decay})
	for k, ratio := range []float64{0.8, 0.4, 0} {
		fixed := newTestSeq2Seq(t, Seq2SeqConfig{TeacherForcing: ratio})
		if err := fixed.Load(contents(t, m)); err != nil {
			t.Fatal(err)
		}
		want, got := seq2seqLosses(t, fixed, k, k+1, none), seq2seqLosses(t, m, k, k+1, none)
		if !slices.Equal(want, got) {
			t.Errorf("step %d: loss %v, with a probability of %v it is %v", k, got, ratio, want)
		}
	}
}

// Training in two halves, with the state handed over, is training in one, to the bit, whatever is drawn.
func TestSeq2SeqHandsOver(t *testing.T) {
	plain := seq2seqLosses(t, newTestSeq2Seq(t, Seq2SeqConfig{TeacherForcing: 1}), 0, 8, none)
	for name, c := range map[string]Seq2SeqConfig{
		"dropout":         {Model: models.Seq2SeqConfig{Dropout: 0.2}, TeacherForcing: 1},
		"teacher forcing": {TeacherForcing: 0.5},
		"smoothing":       {Model: models.Seq2SeqConfig{Smoothing: 0.1}, TeacherForcing: 1},
	} {
		want := seq2seqLosses(t, newTestSeq2Seq(t, c), 0, 8, byTurns)
		if want[0] == plain[0] {
			t.Errorf("%s has no effect on the loss", name)
		}
		first, second := newTestSeq2Seq(t, c), newTestSeq2Seq(t, c)
		got := seq2seqLosses(t, first, 0, 4, byTurns)
		if err := second.Load(contents(t, first)); err != nil {
			t.Fatal(err)
		}
		if got = append(got, seq2seqLosses(t, second, 4, 8, byTurns)...); !slices.Equal(got, want) {
			t.Errorf("%s: losses %v with a handover, %v without", name, got, want)
		}
	}
}

// Batches that are none are errors.
func TestSeq2SeqRefuses(t *testing.T) {
	m := newTestSeq2Seq(t, Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.Dot{}}, TeacherForcing: 1})
	short := reversals(0, 0)
	short.Target = short.Target[1:]
	for name, f := range map[string]func() error{
		"train on nothing":        func() error { _, _, err := m.Train(Translations{}, 0, 1); return err },
		"train on a part":         func() error { _, _, err := m.Train(short, 0, 1); return err },
		"measure nothing":         func() error { _, err := m.Eval(Translations{}); return err },
		"translate nothing":       func() error { _, err := m.Greedy(nil, 0, 1); return err },
		"translate to nothing":    func() error { _, err := m.Greedy([]int32{4, 3}, 1, 0); return err },
		"search for nothing":      func() error { _, err := m.Search(nil, 0, decode.Beam{Width: 1, MaxLength: 1}); return err },
		"search with no beam":     func() error { _, err := m.Search([]int32{4, 3}, 1, decode.Beam{MaxLength: 1}); return err },
		"search for unequal ones": func() error { _, err := m.Search([]int32{4, 3, 3}, 2, decode.Beam{Width: 1, MaxLength: 1}); return err },
		"draw none": func() error {
			_, err := m.Sample([]int32{4, 3}, 1, 0, []int{5}, decode.Sampling{Temperature: 1}, nil)
			return err
		},
	} {
		if err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if what, _, err := m.NonFinite(); err == nil {
		t.Errorf("before a step %q is blamed", what)
	}
}

// Where there is no likeliest token, nothing is written: every way of decoding says so.
func TestDecodingIsFinite(t *testing.T) {
	source := []int32{4, 5, 4, 6, 3, 3} // two of them
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		m := newTestSeq2Seq(t, Seq2SeqConfig{TeacherForcing: 1})
		weights, err := m.Params()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range weights {
			for i := range w.Data.([]float32) {
				w.Data.([]float32)[i] = bad
			}
		}
		if err := m.Load(weights, nil); err != nil {
			t.Fatal(err)
		}
		var e *decode.NotFiniteError
		if tokens, err := m.Greedy(source, 2, 5); !errors.As(err, &e) {
			t.Errorf("%g: greedy writes %v, %v", bad, tokens, err)
		}
		if found, err := m.Search(source, 2, decode.Beam{Width: 2, MaxLength: 5}); !errors.As(err, &e) {
			t.Errorf("%g: a beam finds %v, %v", bad, found, err)
		}
	}
}
