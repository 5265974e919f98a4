// Package datasets turns files into tokens and tokens into batches: reading text, vocabularies, held-out parts and the windows
// of truncated backpropagation through time.
//
// It knows nothing of models, tensors and devices: what leaves it is int32 token numbers and masks, in the layouts that each
// type documents. A file that cannot be used gives an *Error that names file, line and column; a file that cannot be read
// gives an error that wraps the one of the operating system (fs.ErrNotExist and its like).
package datasets

import "fmt"

// Error says what is wrong with the contents of a file, and where.
type Error struct {
	File string // as the user called it
	Line int    // from 1; 0 if the error is about the whole file
	Col  int    // in characters, from 1
	What string // what is wrong and what to do about it, in one line
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.What)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.What)
}
