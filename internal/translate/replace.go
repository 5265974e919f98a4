package translate

import (
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
)

// Replacement writes for a word that the model does not know the unit of the source that the attention looked at most
// when it wrote it, as Luong et al. (2015) have it: a name is copied. If the model does not know some units of the
// source either, it is one of those, each once: where all look the same to the model, the attention need not tell
// them from others.
type Replacement struct {
	Words map[string]string // what to write instead of the unit itself
}

// ReadDictionary reads a file of lines "unit of a source TAB what to write for it". Of a unit that is there twice the
// first counts.
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
	tokens, _ := t.Source.EncodeLine(line)
	var unknown, all []int // units of the source
	for i, token := range tokens {
		all = append(all, i)
		if token == datasets.Unknown {
			unknown = append(unknown, i)
		}
	}
	return t.Target.DecodeWith(h.Tokens, func(i int) string {
		at := looked(h.Weights[i], all) // the end of the source is no unit
		if len(unknown) > 0 {
			at = looked(h.Weights[i], unknown)
			unknown = slices.DeleteFunc(unknown, func(i int) bool { return i == at })
		}
		if word, ok := r.Words[units[at]]; ok {
			return word
		}
		return units[at]
	})
}

// looked is the one of some places that has the largest weight, of equals the first.
func looked(weights []float64, places []int) int {
	at := places[0]
	for _, i := range places {
		if weights[i] > weights[at] {
			at = i
		}
	}
	return at
}
