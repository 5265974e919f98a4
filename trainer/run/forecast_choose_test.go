package run

import (
	"math"
	"strings"
	"testing"
)

// Another loss than the one that was chosen is said, and why; a loss that can be had is none.
func TestChooseNaive2(t *testing.T) {
	nan := Float(math.NaN())
	for _, c := range []struct {
		loss        string
		smape, mase Float
		want        string
		said        bool
	}{
		{"owa", 12, 2, "owa", false}, {"owa", 0, 2, "mase", true}, {"owa", 0, 0, "mae", true}, {"mase", nan, 2, "mase", false}, {"mase", nan, nan, "mae", true},
		{"mae", 0, 0, "mae", false},
	} {
		f := ForecastModel{Loss: c.loss}
		note := f.chooseNaive2(map[string]ForecastScore{Naive2: {SMAPE: c.smape, MASE: c.mase}})
		if f.Loss != c.want || (note != "") != c.said || c.said && !strings.HasPrefix(note, "the loss is "+c.want+": ") {
			t.Errorf("%+v: %s, %q", c, f.Loss, note)
		}
	}
}
