package main

// trainCmd is the group of commands that train.
type trainCmd struct {
	LM trainLMCmd `cmd:"" name:"lm" default:"withargs" help:"Train a language model on the characters of a text."`
}
