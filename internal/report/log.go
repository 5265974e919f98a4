package report

import (
	"encoding/json"
	"io"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/run"
)

// Log writes objects, a line of JSON each, as they come to Out and in the end to File; either may be missing.
type Log struct {
	Out  io.Writer // nil: not wanted
	File string    // "": not wanted
	all  []byte
}

// Add writes an object.
func (l *Log) Add(object any) error {
	line, err := json.Marshal(object)
	if err != nil {
		return errors.WithStack(err)
	}
	line = append(line, '\n')
	l.all = append(l.all, line...)
	if l.Out == nil {
		return nil
	}
	_, err = l.Out.Write(line)
	return errors.WithStack(err)
}

// Close writes the file.
func (l *Log) Close() error {
	if l.File == "" {
		return nil
	}
	return run.WriteFile(l.File, l.all)
}
