package trainer

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// Classifiers classify together: the probability of a class is the mean of those that they give it. All must read the
// same sequences and have the same classes.
type Classifiers []*Classifier

// LogProbs are ln p of each class, for each sequence of a batch. Logits that are not finite are a
// *decode.NotFiniteError.
func (m Classifiers) LogProbs(x Sequences) ([][]float64, error) {
	return m.logProbs(x, (*Classifier).Logits)
}

// logProbs are those of logits that a function gives.
func (m Classifiers) logProbs(x Sequences, of func(*Classifier, Sequences) ([]float32, error)) ([][]float64, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	together := make([][]float64, max(x.Batch, 0))
	byModel := make([][][]float64, len(together)) // [sequence][model]
	for _, c := range m {
		logits, err := of(c, x)
		if err != nil {
			return nil, err
		}
		for i := range byModel {
			byModel[i] = append(byModel[i], LogSoftmax(logits[i*c.Classes():][:c.Classes()]))
		}
	}
	for i, lns := range byModel {
		if together[i] = lns[0]; len(m) > 1 {
			together[i] = make([]float64, len(lns[0]))
			decode.MeanLog(together[i], lns...)
		}
	}
	return together, nil
}

// Judge is Classifier.Judge of all of them.
func (m Classifiers) Judge(x Sequences, classes []int32, weights []float32) (s Sums, taken []int, err error) {
	if err := m.check(); err != nil {
		return s, nil, err
	}
	if err := m[0].checkExamples(x, classes, weights); err != nil {
		return s, nil, err
	}
	lns, err := m.logProbs(x, (*Classifier).logits)
	if err != nil {
		return s, nil, err
	}
	taken = make([]int, len(classes))
	for i, class := range classes {
		taken[i] = likeliest(lns[i])
		if weights[i] == 0 {
			continue
		}
		s.Count++
		s.NLL -= lns[i][class]
		if metrics.InTop(lns[i], int(class), 1) {
			s.Correct++
		}
		if metrics.InTop(lns[i], int(class), 2) {
			s.Top2++
		}
	}
	return s, taken, nil
}

// likeliest is the class of the largest number, of equals the first; NaN is larger than nothing.
func likeliest[F float32 | float64](scores []F) int {
	at := 0
	for i, x := range scores {
		if best := scores[at]; x > best || best != best {
			at = i
		}
	}
	return at
}

func (m Classifiers) check() error {
	if len(m) == 0 {
		return errors.New("there is no model that classifies")
	}
	for _, c := range m {
		if a, b := &c.config.Model, &m[0].config.Model; a.Classes != b.Classes || a.Vocab != b.Vocab || a.Input != b.Input {
			return errors.New("models that classify together read other inputs or have other classes: they must be the same")
		}
	}
	return nil
}
