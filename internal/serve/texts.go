package serve

import (
	"encoding/json"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

// line is an input that is a text.
type line struct {
	text    string
	tokens  int
	unknown int // tokens that the model does not know
}

// lineInput reads an input that is a text, for a model with a vocabulary.
func lineInput(raw json.RawMessage, v *datasets.Vocab) (line, error) {
	text, err := textInput(raw)
	if err != nil {
		return line{}, err
	}
	tokens, unknown := v.EncodeLine(text)
	return line{text, len(tokens), unknown}, nil
}

var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// textInput reads an input that is a text. Models read lines: what breaks a line is a space.
func textInput(raw json.RawMessage) (string, error) {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return "", errors.New("it must be a text in quotes")
	}
	return lineBreaks.Replace(*text), nil
}

// texts are those of inputs that are lines.
func texts(inputs []any) []string {
	all := make([]string, len(inputs))
	for i, x := range inputs {
		all[i] = x.(line).text
	}
	return all
}
