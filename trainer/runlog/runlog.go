// Package runlog keeps the history of a training run in a file of JSON lines: one object a line, appended as things happen,
// readable at any moment by any tool that reads JSON.
//
// JSON has no NaN and no infinities, and a run that diverges needs them most: a Float writes them as the strings "NaN",
// "Infinity" and "-Infinity", which ParseFloat of Go, float of Python and Number of JavaScript turn into numbers again.
//
// This package must not know what is logged, but for two fields of every object: its event and its step.
package runlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/pkg/errors"
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

// Resumed is the event after which a run went on from a checkpoint of the object's step: what was logged of later steps is
// void.
const Resumed = "resumed"

// Log appends to a file.
type Log struct {
	f    *os.File
	path string
}

// Open opens a log for appending, and creates it if need be. A last line without an end, which a kill leaves, is removed.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	end, err := completeBytes(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, errors.Wrap(err, path)
	}
	return &Log{f: f, path: path}, nil
}

// completeBytes is the length of the complete lines of a file.
func completeBytes(f *os.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
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

// Append writes v, a struct or a map, as one line, with a single write.
func (l *Log) Append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return errors.Wrap(err, l.path)
	}
	_, err = l.f.Write(append(line, '\n'))
	return errors.WithStack(err)
}

// Close makes sure that the log has reached the disk, and closes it.
func (l *Log) Close() error {
	err := l.f.Sync()
	if e := l.f.Close(); err == nil {
		err = e
	}
	return errors.WithStack(err)
}

// Entry is one line of a log.
type Entry struct {
	Event string
	Step  int
	Line  json.RawMessage // the whole object; decode it into the struct that was written
}

// Read reads the lines of a log that still hold: those that a resumed run overtook are left out. A last line without an end is
// left out too; any other line that is not a JSON object with an event and a step is an error that names file and line.
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
		var head struct {
			Event *string `json:"event"`
			Step  *int    `json:"step"`
		}
		if err := json.Unmarshal(line, &head); err != nil {
			return nil, fmt.Errorf("%s:%d: not a line of a log: %v", path, n, err)
		}
		if head.Event == nil || head.Step == nil {
			return nil, fmt.Errorf("%s:%d: not a line of a log: no event or no step", path, n)
		}
		e := Entry{Event: *head.Event, Step: *head.Step, Line: bytes.TrimSuffix(line, []byte("\n"))}
		if e.Event == Resumed {
			for len(entries) > 0 && entries[len(entries)-1].Step > e.Step {
				entries = entries[:len(entries)-1]
			}
		}
		entries = append(entries, e)
	}
}
