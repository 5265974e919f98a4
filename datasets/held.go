package datasets

import (
	"fmt"
	"os"
)

// held counts the memory that examples take, beside what their files take on the disk: compressed, a thousand
// short ones are a few bytes.
type held struct {
	examples, text, files int64 // how many, and bytes
}

// What examples may take in memory: a little always, and more in proportion to their files, so that only data
// that are not what they seem are refused. Tests lower the first.
var leastHeld int64 = 256 << 20

const (
	heldPerByte = 16  // of a file
	heldExample = 128 // for an example, beside its text, while there come more
)

// file counts a file from which examples come.
func (h *held) file(path string) {
	if info, err := os.Stat(path); err == nil {
		h.files += info.Size()
	}
}

// add counts examples with so many bytes of text. The last of them stands in a line of a file.
func (h *held) add(examples, text int, name string, line int) error {
	h.examples, h.text = h.examples+int64(examples), h.text+int64(text)
	takes := h.examples*heldExample + h.text
	if takes <= max(leastHeld, heldPerByte*h.files) {
		return nil
	}
	return &Error{File: name, Line: line, What: fmt.Sprintf("%d examples up to here take %d bytes of memory, and on the "+
		"disk there are %d bytes: uncompress the file if it is right, or use a part of it", h.examples, takes, h.files)}
}
