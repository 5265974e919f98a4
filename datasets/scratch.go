package datasets

import (
	"bufio"
	"os"

	"github.com/pkg/errors"
)

// TokenFiles are files for the tokens of one text, or of one set of pairs, that stays on the disk: with them it is
// encoded once, if at all.
type TokenFiles interface {
	// Kept opens the file that holds the tokens, or other tokens; an error says that there is none.
	Kept() (*os.File, error)

	// Scratch is an empty file, and how many bytes it may get: tokens are written there when they are first seen, and
	// read from there. An error says that there can be none.
	Scratch() (f *os.File, room int64, err error)
}

// keptTokens lets use have the file of tokens that was kept, and says whether it took it.
func keptTokens(files TokenFiles, use func(f *os.File) error) bool {
	if files == nil {
		return false
	}
	f, err := files.Kept()
	if err != nil {
		return false
	}
	if err = use(f); err != nil {
		f.Close()
	}
	return err == nil
}

// scratch is a file that gets tokens one after the other, as long as that goes well.
type scratch struct {
	file *tokenFile // nil: there is none
	to   *bufio.Writer
	room int64 // bytes that are left
	raw  []byte
}

func newScratch(files TokenFiles, vocab int) *scratch {
	s := &scratch{}
	if files == nil {
		return s
	}
	f, room, err := files.Scratch()
	if err != nil {
		return s
	}
	s.file = &tokenFile{File: f, width: tokenWidth(vocab), vocab: int32(vocab)}
	s.to, s.room = bufio.NewWriterSize(f, 1<<16), room
	return s
}

// add writes tokens.
func (s *scratch) add(tokens []int32) {
	if s.file == nil {
		return
	}
	s.raw = appendTokens(s.raw[:0], s.file.width, tokens)
	s.room -= int64(len(s.raw))
	s.file.n += len(tokens)
	err := errNoRoom
	if s.room >= 0 {
		_, err = s.to.Write(s.raw)
	}
	s.closeIf(err)
}

var errNoRoom = errors.New("more than there is room for")

// done gives the file, which has all tokens; nil: it could not be written.
func (s *scratch) done() *tokenFile {
	if s.file != nil {
		s.closeIf(s.to.Flush())
	}
	return s.file
}

// closeIf gives the file up if there is an error.
func (s *scratch) closeIf(err error) {
	if err != nil {
		s.file.Close()
		s.file = nil
	}
}
