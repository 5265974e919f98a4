package datasets

import _ "embed"

//go:embed embed/harbour.txt
var builtin string

// BuiltinName is what messages call the built-in text.
const BuiltinName = "the built-in text"

// Builtin is a short text in plain English that was written for this project: something to learn from when
// there is no file at hand. It is the same in every program built from the same source.
func Builtin() *Text {
	t, err := NewText(BuiltinName, builtin)
	if err != nil { // the tests read it
		panic(err)
	}
	return t
}
