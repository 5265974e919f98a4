// Package datasets turns files into tokens: reading texts, tables, parallel texts and images, vocabularies of
// characters, words and byte pairs, validation parts, and the windows of truncated backpropagation through time.
//
// It knows nothing of models, tensors and devices: what leaves it is int32 token numbers and masks, in the
// layouts that each type documents. A file that cannot be used gives an *Error that names file, line and
// column; a file that cannot be read gives an error that wraps the one of the operating system (fs.ErrNotExist
// and its like).
//
// Package series reads time series, package batches makes batches of sequences of tokens, package tasks
// generates data, package catalog downloads some.
package datasets

import "fmt"

// Error says what is wrong with the contents of a file, and where.
type Error struct {
	File string // as the user called it
	Line int    // from 1; 0 if the error is about the whole file
	Col  int    // in characters, from 1; 0 if the error is about the whole line
	What string // what is wrong and what to do about it, in one line
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.What)
	case e.Col == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.What)
}
