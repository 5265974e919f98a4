package serve

import (
	"encoding/json"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

// textInput reads an input that is a text. Models read lines: what breaks a line is a space.
func textInput(raw json.RawMessage) (any, error) {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return nil, errors.New("it must be a text in quotes")
	}
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(*text), nil
}

// strings are inputs that are texts.
func texts(inputs []any) []string {
	all := make([]string, len(inputs))
	for i, x := range inputs {
		all[i] = x.(string)
	}
	return all
}

// unknown is how many tokens of a text a vocabulary does not have.
func unknown(v *datasets.Vocab, text string) int {
	_, n := v.EncodeLine(text)
	return n
}
