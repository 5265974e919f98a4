package trainer

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

// judged is what Judge says of probabilities, by plain loops.
func judged(probabilities [][]float64, classes []int32, weights []float32) (s Sums, taken []int) {
	for i, p := range probabilities {
		order := []int{0, 1, 2} // the likeliest first, of equals the first
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
		taken = append(taken, order[0])
		if weights[i] == 0 {
			continue
		}
		s.Count++
		s.NLL -= math.Log(p[classes[i]])
		if order[0] == int(classes[i]) {
			s.Correct++
		}
		if order[0] == int(classes[i]) || order[1] == int(classes[i]) {
			s.Top2++
		}
	}
	return s, taken
}

// What models say together is judged by the mean of their probabilities; one alone, and one beside itself, by its own.
func TestJudge(t *testing.T) {
	c := models.ClassifierConfig{Vocab: 3, Embed: 4}
	a, b := newTestClassifier(t, c), newTestClassifier(t, c)
	classifierLosses(t, a, 0, 25, four)
	classifierLosses(t, b, 5, 9, four)
	x, classes, weights := numbered(2, 5)
	classes[0], weights[1] = (classes[0]+1)%3, 0
	probabilities := func(m *Classifier) (all [][]float64) {
		logits, err := m.Logits(x)
		if err != nil {
			t.Fatal(err)
		}
		for l := range slices.Chunk(logits, 3) {
			sum := 0.0
			for _, x := range l {
				sum += math.Exp(float64(x))
			}
			p := make([]float64, len(l))
			for k, x := range l {
				p[k] = math.Exp(float64(x)) / sum
			}
			all = append(all, p)
		}
		return all
	}
	ofA, ofB := probabilities(a), probabilities(b)
	mean := make([][]float64, len(ofA))
	for i := range ofA {
		for k := range ofA[i] {
			mean[i] = append(mean[i], (ofA[i][k]+ofB[i][k])/2)
		}
	}
	for name, of := range map[string]struct {
		judge         func(Sequences, []int32, []float32) (Sums, []int, error)
		probabilities [][]float64
	}{
		"alone": {a.Judge, ofA}, "an ensemble of one": {Classifiers{a}.Judge, ofA},
		"beside itself": {Classifiers{a, a}.Judge, ofA}, "two": {Classifiers{a, b}.Judge, mean},
	} {
		got, taken, err := of.judge(x, classes, weights)
		if err != nil {
			t.Fatal(err)
		}
		want, wantTaken := judged(of.probabilities, classes, weights)
		if far := math.Abs(got.NLL - want.NLL); far > 1e-12*want.NLL || !slices.Equal(taken, wantTaken) {
			t.Errorf("%s: %g nats, taken for %v; want %g, %v", name, got.NLL, taken, want.NLL, wantTaken)
		}
		if got.NLL = want.NLL; got != want || want.Count != 2 {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	one, _, _ := a.Judge(x, classes, weights)
	if s, _, _ := (Classifiers{a}).Judge(x, classes, weights); s != one {
		t.Errorf("an ensemble of one has %+v, the model %+v", s, one)
	}
}
