package runlog

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Follower reads a log that is being written.
type Follower struct {
	path string
	at   int64  // bytes that were read
	step int    // of the newest entry
	last []byte // its line
}

// DamagedError says that a file is not the log of a run, or no longer.
type DamagedError struct {
	Path string
	At   int64 // the bytes before this one are of a log
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: not the log of a run, from byte %d on: move it away, and the run goes on with another", e.Path,
		e.At)
}

// Follow follows the log at path, from its beginning. It need not be there yet.
func Follow(path string) *Follower { return &Follower{path: path} }

// mostRead is how many bytes are read at once.
const mostRead = 8 << 20

// Next gives what is new in the log, at most a few megabytes at once, and nothing if nothing is. again is true if the
// log was cut, because its run went on from an earlier step: then the entries are those of the log from its beginning.
// A *DamagedError says that it has a line that is none of a log.
func (f *Follower) Next() (entries []Entry, again bool, err error) {
	file, err := safefile.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.restart(), nil
	}
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, false, errors.WithStack(err)
	}
	if info.Size() < f.at {
		again = f.restart()
	}
	entries, ok, err := f.read(file)
	if err == nil && !ok {
		again = f.restart()
		entries, _, err = f.read(file)
	}
	return entries, again, err
}

// restart begins again with the first entry, and says whether any had been read.
func (f *Follower) restart() bool {
	had := f.at > 0
	f.at, f.step, f.last = 0, 0, nil
	return had
}

// read reads on; ok is false if what was read last is no longer there.
func (f *Follower) read(file *os.File) (entries []Entry, ok bool, err error) {
	data, err := io.ReadAll(io.NewSectionReader(file, f.at-int64(len(f.last)), mostRead))
	if err != nil {
		return nil, false, errors.WithStack(err)
	}
	if !bytes.HasPrefix(data, f.last) {
		return nil, false, nil
	}
	data = data[len(f.last):]
	data = data[:bytes.LastIndexByte(data, '\n')+1] // a line that is being written has no end yet
	at, step, last := f.at, f.step, f.last
	for line := range bytes.Lines(data) {
		e, err := parse(line)
		if bad := err != nil || e.Step < step; bad && len(entries) == 0 {
			return nil, false, errors.WithStack(&DamagedError{f.path, f.at})
		} else if bad { // what is before it counts
			break
		}
		entries, at, step, last = append(entries, e), at+int64(len(line)), e.Step, line
	}
	f.at, f.step, f.last = at, step, last
	return entries, true, nil
}
