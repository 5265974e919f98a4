package translate

import (
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
)

// Replacement writes for a word that the model does not know the unit of the source that the attention looked at most when it wrote
// it, as Luong et al. (2015) have it: a name is copied.
type Replacement struct {
	Words map[string]string // what to write instead of the unit itself
}

// ReadDictionary reads a file of lines "unit of a source TAB what to write for it". Of a unit that is there twice the first counts.
func ReadDictionary(path string) (map[string]string, error) {
	pairs, err := datasets.ReadPairs(path, datasets.Format{})
	if err != nil {
		return nil, err
	}
	defer pairs.Close()
	words := map[string]string{}
	for i := range pairs.Len() {
		p, err := pairs.Pair(i)
		if err != nil {
			return nil, err
		}
		if _, ok := words[p.Source]; !ok {
			words[p.Source] = p.Target
		}
	}
	return words, nil
}

func (r *Replacement) decode(t *Translator, line string, h decode.Hypothesis) string {
	units := t.Source.Units(line)
	if len(units) == 0 {
		return t.Target.Decode(h.Tokens)
	}
	return t.Target.DecodeWith(h.Tokens, func(i int) string {
		unit := units[looked(h.Weights[i][:len(units)])] // the end of the source is no word
		if word, ok := r.Words[unit]; ok {
			return word
		}
		return unit
	})
}

// looked is the index of the largest weight, of equals the first.
func looked(weights []float64) int {
	at := 0
	for i, w := range weights {
		if w > weights[at] {
			at = i
		}
	}
	return at
}
