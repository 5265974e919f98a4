package main

// What --cell, --optimizer and --device may name.
var (
	cells      = []string{"rnn"}
	optimizers = []string{"adam", "sgd"}
	devices    = []string{"auto", "cpu", "ref"}
)

// newLM builds a language model.
var newLM = func(LMConfig) (LM, error) {
	return nil, fail(exitUnavailable, "this program was built without a language model: build it again from complete sources")
}
