package models_test

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// A small CRF whose numbers were found by enumeration in decimals of 40 digits.
var (
	smallScores = []float64{0.5, -1.0, 0.25, 1.5, 0.0, -0.5, -0.25, 0.75, 1.0}
	smallTrans  = []float64{0.1, -0.4, 0.3, -0.2, 0.6, 0.0, 0.5, -0.3, -0.7}
	smallStart  = []float64{0.2, -0.1, 0.0}
	smallEnd    = []float64{-0.3, 0.4, 0.1}
)

const smallTags = 3

// crf declares a CRF with given weights; nil: as they are drawn.
func (f *fixture) crf(tags int, trans, start, end []float64) *models.CRF {
	f.t.Helper()
	c, err := models.NewCRF(f.p, "crf", tags)
	if err != nil {
		f.t.Fatal(err)
	}
	for n, x := range map[*G.Node][]float64{c.Transitions: trans, c.Start: start, c.End: end} {
		if x != nil {
			copy(numbers(n), x)
		}
	}
	return c
}

// lengths is the mask of sequences of given lengths as numbers.
func lengthsMask(steps int, lengths []int) []float64 {
	mask := make([]float64, steps*len(lengths))
	for k, n := range lengths {
		for s := range n {
			mask[s*len(lengths)+k] = 1
		}
	}
	return mask
}

// repeated are the scores of one sequence for several.
func repeated(scores []float64, tags, batch int) (all []float64) {
	for t := 0; t < len(scores); t += tags {
		for range batch {
			all = append(all, scores[t:t+tags]...)
		}
	}
	return all
}

// The same sequence with three, two and one of its steps: what is behind its end has no influence.
func TestCRFByHand(t *testing.T) {
	f := newFixture(t)
	c := f.crf(smallTags, smallTrans, smallStart, smallEnd)
	lengths := []int{3, 2, 1}
	scores := f.input("scores", repeated(smallScores, smallTags, 3), 3, 3, smallTags)
	mask := f.input("mask", lengthsMask(3, lengths), 3, 3)
	logZ := c.LogZ(f.b, scores, mask)
	tags, best := c.Viterbi(f.b, scores, mask)
	nll := c.NLL(f.b, scores, tags, mask)
	first := f.b.Sum(f.b.Slice(logZ, 0, 0, 1)) // of the sequence of three steps
	grads, err := G.Grad(first, scores, c.Transitions, c.Start, c.End)
	if err != nil {
		t.Fatal(err)
	}
	got := f.run(append(G.Nodes{logZ, tags, best, nll}, grads...)...)
	equal(t, "ln Z", got[0], []float64{5.1839783480067105, 3.0970653096796357, 1.2259722961665351}, 1e-14)
	equal(t, "the best paths", got[1], []float64{0, 0, 0, 0, 0, 0, 2, 0, 0}, 0) // behind the end the last tag goes on
	equal(t, "the score of the first", got[2][:1], []float64{3.7}, 1e-14)
	equal(t, "-ln p of the first", got[3][:1], []float64{1.4839783480067105}, 1e-14)
	if p := math.Exp(-got[3][0]); math.Abs(p-0.2267338655) > 1e-10 {
		t.Errorf("the best path has probability %v", p)
	}
	marginals := []float64{
		0.494803478744, 0.083424116123, 0.421772405132, 0.789556537374, 0.150459427612, 0.059984035012, 0.093558316161,
		0.368591318985, 0.537850364852,
	}
	var of []float64
	for s := range 3 {
		of = append(of, got[4][s*3*smallTags:][:smallTags]...)
	}
	equal(t, "the probabilities of tags", of, marginals, 1e-12)
	pairs := []float64{ // at steps 1 and 2, and at 2 and 3
		0.380750312939 + 0.073928954672, 0.069850620423 + 0.245452773489, 0.044202545380 + 0.470174809213,
		0.046625323378 + 0.007699161501, 0.031385906917 + 0.093794988489, 0.005412885827 + 0.048965277622,
		0.362180901056 + 0.011930199988, 0.049222900271 + 0.029343557007, 0.010368603804 + 0.018710278016,
	}
	equal(t, "the probabilities of pairs", got[5], pairs, 2e-12)
	equal(t, "the probabilities of the first tag", got[6], marginals[:3], 1e-12)
	equal(t, "the probabilities of the last tag", got[7], marginals[6:], 1e-12)
}

// enumerated scores all sequences of n tags by plain loops: ln of the sum of their exponentials, the best, and the
// score of a given one.
func enumerated(scores []float64, n, tags int, trans, start, end []float64, given []int32) (logZ float64, best []int32,
	bestScore, score float64) {
	path := make([]int32, n)
	bestScore = math.Inf(-1)
	sum := 0.0
	for {
		s := start[path[0]] + end[path[n-1]]
		same := true
		for t, y := range path {
			s += scores[t*tags+int(y)]
			if t > 0 {
				s += trans[int(path[t-1])*tags+int(y)]
			}
			same = same && y == given[t]
		}
		sum += math.Exp(s)
		if s > bestScore {
			best, bestScore = append([]int32{}, path...), s
		}
		if same {
			score = s
		}
		t := n - 1
		for ; t >= 0 && int(path[t]) == tags-1; t-- {
			path[t] = 0
		}
		if t < 0 {
			return math.Log(sum), best, bestScore, score
		}
		path[t]++
	}
}

// Of sequences of any length, ln Z, -ln p and the best path are those of enumerating all paths.
func TestCRFAgainstAllPaths(t *testing.T) {
	const steps, tags = 5, 4
	lengths := []int{5, 3, 1, 4, 0}
	batch := len(lengths)
	f := newFixture(t)
	c := f.crf(tags, nil, nil, nil)
	f.spread()
	scores, values := f.floats("scores", steps, batch, tags)
	mask := f.mask("mask", steps, lengths) // integers do as well as numbers
	given, gold := f.tokens("tags", tags, steps, batch)
	logZ, nll := c.LogZ(f.b, scores, mask), c.NLL(f.b, scores, given, mask)
	path, best := c.Viterbi(f.b, scores, mask)
	got := f.run(logZ, nll, path, best)
	for k, n := range lengths {
		if n == 0 {
			if got[1][k] != 0 {
				t.Errorf("-ln p of nothing is %v", got[1][k])
			}
			continue
		}
		var own []float64
		var ownGold []int32
		for s := range n {
			own = append(own, values[(s*batch+k)*tags:][:tags]...)
			ownGold = append(ownGold, gold[s*batch+k])
		}
		z, y, s, score := enumerated(own, n, tags, numbers(c.Transitions), numbers(c.Start), numbers(c.End), ownGold)
		equal(t, "ln Z", got[0][k:k+1], []float64{z}, 1e-12)
		equal(t, "-ln p", got[1][k:k+1], []float64{z - score}, 1e-12)
		equal(t, "the best score", got[3][k:k+1], []float64{s}, 1e-12)
		for step := range steps {
			want := y[min(step, n-1)]
			if tag := got[2][step*batch+k]; tag != float64(want) {
				t.Errorf("sequence %d: the best tag at step %d is %v, want %d", k, step, tag, want)
			}
		}
	}
}

func TestCRFGradients(t *testing.T) {
	for _, steps := range []int{1, 2, 6} {
		const batch, tags = 3, 4
		f := newFixture(t)
		c := f.crf(tags, nil, nil, nil)
		f.spread()
		scores, _ := f.floats("scores", steps, batch, tags)
		mask := f.input("mask", lengthsMask(steps, []int{steps, max(steps-2, 1), 0}), steps, batch)
		gold, _ := f.tokens("tags", tags, steps, batch)
		inputs := []*G.Node{scores}
		loss := f.b.Sum(c.NLL(f.b, scores, gold, mask))
		if steps == 1 { // nothing moves
			_, err := G.Grad(loss, c.Transitions)
			if err == nil {
				t.Error("one step depends on transitions")
			}
			continue
		}
		f.checkGradients(loss, inputs...)
	}
}

// What is forbidden by -∞ has the probability 0, and no derivative is spoiled by it, also where nothing at all leads
// to a tag.
func TestCRFForbids(t *testing.T) {
	inf := math.Inf(-1)
	trans := append([]float64{}, smallTrans...)
	trans[1], trans[4], trans[7] = inf, inf, inf // nothing leads to tag 1
	results := map[float64][][]float64{}
	for _, forbidden := range []float64{inf, -1e4} {
		for i, x := range trans {
			if x == inf || x == -1e4 {
				trans[i] = forbidden
			}
		}
		f := newFixture(t)
		c := f.crf(smallTags, trans, smallStart, smallEnd)
		scores := f.input("scores", smallScores, 3, 1, smallTags)
		mask := f.input("mask", lengthsMask(3, []int{3}), 3, 1)
		gold := f.input("tags", []int32{1, 0, 2}, 3, 1)
		nll := f.b.Sum(c.NLL(f.b, scores, gold, mask))
		grads, err := G.Grad(nll, scores, c.Transitions)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := c.Viterbi(f.b, scores, mask)
		results[forbidden] = f.run(append(G.Nodes{nll, path}, grads...)...)
	}
	for i, want := range results[-1e4] {
		equal(t, "with -∞ and with -10000", results[inf][i], want, 1e-12)
	}
}

// long is a CRF of many steps in a type of numbers: -ln p of the best path, and the probabilities of the tags.
func long(t *testing.T, of tensor.Dtype, d tape.Device, deviation float64, steps int) (nll float64, marginals []float64,
	path []int32) {
	t.Helper()
	const tags = 10
	f := newFixture(t) // for its random numbers
	b := op.New(G.NewGraph())
	p := models.NewParams(b, of, 1)
	c, err := models.NewCRF(p, "crf", tags)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(n int, deviation float64) any {
		wide, narrow := make([]float64, n), make([]float32, n)
		for i := range wide {
			narrow[i] = float32(f.rand.NormFloat64() * deviation)
			wide[i] = float64(narrow[i])
		}
		if of == tensor.Float32 {
			return narrow
		}
		return wide
	}
	input := func(name string, data any, shape ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
		return G.NewTensor(b.Graph(), v.Dtype(), len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	G.WithValue(tensor.New(tensor.WithShape(tags, tags), tensor.WithBacking(draw(tags*tags, 1))))(c.Transitions)
	scores := input("scores", draw(steps*tags, deviation), steps, 1, tags)
	mask := b.Fill(scores, 1, steps, 1)
	best, _ := c.Viterbi(b, scores, mask)
	loss := b.Sum(c.NLL(b, scores, best, mask))
	grads, err := G.Grad(b.Sum(c.LogZ(b, scores, mask)), scores)
	if err != nil {
		t.Fatal(err)
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	program, err := graph.Compile(graph.Config{Device: d, Outputs: G.Nodes{loss, grads[0], best}})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if err := program.Run(); err != nil {
		t.Fatal(err)
	}
	path = make([]int32, steps)
	if err := program.Get(best, path); err != nil {
		t.Fatal(err)
	}
	if of == tensor.Float64 {
		x, marginals := make([]float64, 1), make([]float64, steps*tags)
		if err := program.Get(loss, x); err != nil {
			t.Fatal(err)
		}
		if err := program.Get(grads[0], marginals); err != nil {
			t.Fatal(err)
		}
		return x[0], marginals, path
	}
	x, narrow := make([]float32, 1), make([]float32, steps*tags)
	if err := program.Get(loss, x); err != nil {
		t.Fatal(err)
	}
	if err := program.Get(grads[0], narrow); err != nil {
		t.Fatal(err)
	}
	for _, m := range narrow {
		marginals = append(marginals, float64(m))
	}
	return float64(x[0]), marginals, path
}

// In float32 long sequences lose nothing, on any device: ln Z itself is about 1,600 here, of which float32 knows
// 0.0001, and without taking away the largest α at each step the probabilities are off by 0.001.
func TestCRFOfManySteps(t *testing.T) {
	for name, c := range map[string]struct {
		device    tape.Device
		steps     int
		deviation float64
	}{
		"ref": {ref.New(), 200, 5}, "cpu": {cpu.New(cpu.Threads(1)), 200, 5}, "cpu, 2,000 steps": {cpu.New(cpu.Threads(1)),
			2000, 5},
		"cuda": {cuda.New(sim.New(sim.Config{})), 12, 5},
	} {
		nll, marginals, path := long(t, tensor.Float64, ref.New(), c.deviation, c.steps)
		gotNLL, got, gotPath := long(t, tensor.Float32, c.device, c.deviation, c.steps)
		for i := range path {
			if path[i] != gotPath[i] {
				t.Fatalf("%s: the best tag at step %d is %d, in float64 %d", name, i, gotPath[i], path[i])
			}
		}
		if math.Abs(nll-gotNLL) > 1e-5*(1+nll) {
			t.Errorf("%s: -ln p is %v, in float64 %v", name, gotNLL, nll)
		}
		equal(t, name+": the probabilities", got, marginals, 1e-5)
	}
}

func TestCRFRefuses(t *testing.T) {
	f := newFixture(t)
	if _, err := models.NewCRF(f.p, "none", 0); err == nil {
		t.Error("a CRF of no tags")
	}
	for name, c := range map[string]struct{ scores, mask, tags []int }{
		"scores of other tags": {[]int{2, 3, 5}, []int{2, 3}, []int{2, 3}}, "a mask of another length": {[]int{2, 3, 4},
			[]int{3, 3}, []int{2, 3}},
		"tags of another batch": {[]int{2, 3, 4}, []int{2, 3}, []int{2, 4}}, "scores without a batch": {[]int{2, 4},
			[]int{2, 3}, []int{2, 3}},
	} {
		f := newFixture(t)
		crf := f.crf(4, nil, nil, nil)
		scores, _ := f.floats("scores", c.scores...)
		mask, _ := f.floats("mask", c.mask...)
		tags, _ := f.tokens("tags", 4, c.tags...)
		if crf.NLL(f.b, scores, tags, mask); f.b.Err() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
