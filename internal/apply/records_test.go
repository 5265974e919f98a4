package apply

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/trainer/run"
)

// Answers of a model whose numbers have ended can be written, too.
func TestRecordsOfNaN(t *testing.T) {
	nan := run.Float(math.NaN())
	for _, record := range []any{
		translated{Translations: []translation{{LogProb: nan, Score: nan}}},
		classified{Labels: []label{{Probability: nan}}},
		predicted{Number: nan},
		forecastRecord{Forecast: []run.Float{nan}, Quantiles: map[string][]run.Float{"0.5": {nan}}},
	} {
		if _, err := json.Marshal(record); err != nil {
			t.Errorf("%T: %v", record, err)
		}
	}
}
