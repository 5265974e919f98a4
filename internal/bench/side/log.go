package side

import (
	"encoding/json"
	"io"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/run"
)

// log writes objects, a line of JSON each, as they come to out and in the end to file; either may be missing.
type log struct {
	out  io.Writer // nil: not wanted
	file string    // "": not wanted
	all  []byte
}

// add writes an object.
func (l *log) add(object any) error {
	line, err := json.Marshal(object)
	if err != nil {
		return errors.WithStack(err)
	}
	line = append(line, '\n')
	l.all = append(l.all, line...)
	if l.out == nil {
		return nil
	}
	_, err = l.out.Write(line)
	return errors.WithStack(err)
}

// close writes the file.
func (l *log) close() error {
	if l.file == "" {
		return nil
	}
	return run.WriteFile(l.file, l.all)
}
