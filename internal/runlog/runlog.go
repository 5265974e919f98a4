// Package runlog keeps the history of a training run in a file of JSON lines: one object a line, appended as
// things happen, readable at any moment by any tool that reads JSON.
//
// JSON has no NaN and no infinities, and a run that diverges needs them most: a Float writes them as the strings "NaN",
// "Infinity" and "-Infinity", which ParseFloat of Go, float of Python and Number of JavaScript turn into numbers again.
//
// So that is the rule wherever unroll writes JSON, be it a log, --json or an answer of a server: a number that
// is not finite is one of those strings.
//
// This package must not know what is logged, but for two fields of every object: its event and its step. The
// steps of a log only grow: what a run logged before it went on from an earlier step is removed when the log is
// opened.
package runlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Float is a number that may be NaN or infinite.
type Float float64

// MarshalJSON writes a number, or one of the strings "NaN", "Infinity" and "-Infinity".
func (f Float) MarshalJSON() ([]byte, error) {
	switch x := float64(f); {
	case math.IsNaN(x):
		return []byte(`"NaN"`), nil
	case math.IsInf(x, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(x)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Float) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `"NaN"`:
		*f = Float(math.NaN())
		return nil
	case `"Infinity"`:
		*f = Float(math.Inf(1))
		return nil
	case `"-Infinity"`:
		*f = Float(math.Inf(-1))
		return nil
	}
	x, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return errors.Errorf("%s is not a number", b)
	}
	*f = Float(x)
	return nil
}

// Resumed is the event after which a run went on from a checkpoint of the object's step.
const Resumed = "resumed"

// Log appends to a file.
type Log struct {
	f    *os.File
	path string
}

// Open opens the log, in a folder, of a run that stands at a step, and creates it if need be. What it says of
// later steps is removed: the run will come by there again. So is a last line without an end, which a kill
// leaves.
func Open(in *os.Root, name string, step int) (*Log, error) {
	if in == nil {
		return nil, errors.New("runlog: there is no folder")
	}
	f, err := safefile.Own(in, name)
	if err != nil {
		return nil, err
	}
	end, err := upTo(f, step)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, errors.WithStack(err)
	}
	return &Log{f: f, path: safefile.Path(in, name)}, nil
}

// upTo is the length of a log up to the last complete line of a step that is not later. A file in which no line
// is of a log is somebody else's, and an error.
func upTo(f *os.File, step int) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	end, err := lineStart(f, size)
	isLog := end == 0 && begins(f) // a kill may leave a part of the first line
	for err == nil && end > 0 {
		start, err := lineStart(f, end-1)
		if err != nil {
			return 0, err
		}
		line := make([]byte, min(end-start, maxLine))
		if _, err := f.ReadAt(line, start); err != nil {
			return 0, err
		}
		h, err := parse(line)
		isLog = isLog || err == nil
		if err == nil && h.Step <= step {
			break
		}
		end = start
	}
	if err == nil && size > 0 && !isLog {
		err = &safefile.Error{Path: filepath.Clean(f.Name()), What: "it is not the log of a run", Writing: true}
	}
	return end, err
}

// maxLine is how many bytes a line of a log has at most; a longer one is none.
const maxLine = 1 << 20

// begins says whether a file begins as a log does, or is empty.
func begins(f *os.File) bool {
	var first [1]byte
	n, _ := f.ReadAt(first[:], 0)
	return n == 0 || first[0] == '{'
}

// lineStart is where the line that byte end is in begins.
func lineStart(f *os.File, end int64) (int64, error) {
	b := make([]byte, 4096)
	for end > 0 {
		from := max(0, end-int64(len(b)))
		piece := b[:end-from]
		if _, err := f.ReadAt(piece, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(piece, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// Append writes v, a struct or a map, as one line, with a single write, and says how long the line is.
func (l *Log) Append(v any) (bytes int, err error) {
	line, err := json.Marshal(v)
	if err != nil {
		return 0, errors.Wrap(err, l.path)
	}
	line = append(line, '\n')
	_, err = l.f.Write(line)
	return len(line), errors.WithStack(err)
}

// Sync makes sure that what was logged has reached the disk.
func (l *Log) Sync() error { return errors.WithStack(l.f.Sync()) }

// Close makes sure that the log has reached the disk, and closes it.
func (l *Log) Close() error {
	err := l.Sync()
	if e := l.f.Close(); err == nil {
		err = errors.WithStack(e)
	}
	return err
}

// Entry is one line of a log.
type Entry struct {
	Event string
	Step  int
	Line  json.RawMessage // the whole object; decode it into the struct that was written
}

// parse reads what every line has.
func parse(line []byte) (Entry, error) {
	var head struct {
		Event *string `json:"event"`
		Step  *int    `json:"step"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return Entry{}, err
	}
	if head.Event == nil || head.Step == nil {
		return Entry{}, errors.New("no event or no step")
	}
	return Entry{Event: *head.Event, Step: *head.Step, Line: bytes.TrimSuffix(line, []byte("\n"))}, nil
}

// Read reads a log. Of one that was written before logs were cut when a run was resumed, it leaves out what a
// resumed run overtook. A last line without an end is left out; any other line that is not a JSON object with
// an event and a step is an error that names file and line.
func Read(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer f.Close()
	var entries []Entry
	r := bufio.NewReader(f) // lines may be of any length
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return entries, nil
		} else if err != nil {
			return nil, errors.Wrap(err, path)
		}
		e, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: not a line of a log: %v", path, n, err)
		}
		if e.Event == Resumed {
			for len(entries) > 0 && entries[len(entries)-1].Step > e.Step {
				entries = entries[:len(entries)-1]
			}
		}
		entries = append(entries, e)
	}
}
