package metrics

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Classes are scored as scikit-learn does, by what testdata/make_sklearn.py had of it.
func TestClassesOfScikitLearn(t *testing.T) {
	var golden struct {
		Sklearn string
		Cases   map[string]struct {
			Classes               int
			Truth, Guess          []int
			Confusion             [][]int
			Precision, Recall, F1 []float64
			Examples              []int
			Macro                 float64
			Weights               []float64
		}
	}
	b, err := os.ReadFile("testdata/sklearn.json")
	if err == nil {
		err = json.Unmarshal(b, &golden)
	}
	if err != nil || golden.Sklearn != "1.2.1" || len(golden.Cases) != 7 {
		t.Fatalf("%v, %d cases by scikit-learn %s", err, len(golden.Cases), golden.Sklearn)
	}
	for name, want := range golden.Cases {
		c := NewConfusion(want.Classes)
		for i, class := range want.Truth {
			c.Add(class, want.Guess[i])
		}
		confusion := make([][]int, want.Classes)
		var examples []int
		for class := range want.Classes {
			s := c.Class(class)
			near(t, name+": precision", s.Precision, want.Precision[class])
			near(t, name+": recall", s.Recall, want.Recall[class])
			near(t, name+": F1", s.F1, want.F1[class])
			examples = append(examples, s.Examples)
			for predicted := range want.Classes {
				confusion[class] = append(confusion[class], c.Count(class, predicted))
			}
		}
		near(t, name+": macro F1", c.MacroF1(), want.Macro)
		if diff := cmp.Diff(want.Confusion, confusion) + cmp.Diff(want.Examples, examples); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if c.Examples() != len(want.Truth) {
			t.Errorf("%s: %d examples", name, c.Examples())
		}
		for class, w := range BalancedWeights(examples) {
			near(t, name+": weight", w, want.Weights[class])
		}
	}
	near(t, "macro F1 of nothing", NewConfusion(2).MacroF1(), 0)
}
