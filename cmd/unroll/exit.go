package main

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Exit codes, where there is one after sysexits(3).
const (
	exitOK          = 0
	exitUsage       = 2  // the command line is wrong
	exitData        = 65 // a text, a run or a checkpoint is wrong
	exitNoInput     = 66 // an input is missing or cannot be read
	exitUnavailable = 69 // a device is not there
	exitInternal    = 70 // the program is wrong
	exitNoOutput    = 73 // an output cannot be used, or another process uses it
	exitIO          = 74 // reading or writing failed
	exitStopped     = 75 // stopped, and can be continued
	exitDiverged    = 80 // the numbers are no longer finite
	exitGPU         = 81 // the GPU is full or lost
)

// exitError is an error with its exit code.
type exitError struct {
	code int
	msg  string
}

func (e *exitError) Error() string { return e.msg }

func fail(code int, format string, args ...any) error {
	return &exitError{code, fmt.Sprintf(format, args...)}
}

func usage(format string, args ...any) error { return fail(exitUsage, format, args...) }

// exitCode is the code that an error ends the program with.
func exitCode(err error) int {
	var (
		coded  *exitError
		data   *datasets.Error
		short  *datasets.TooShortError
		broken *checkpoint.CorruptError
		locked *safefile.LockedError
		unfit  *safefile.Error
		number *decode.NotFiniteError
		write  *checkpoint.WriteError
		path   *fs.PathError
		errno  syscall.Errno
	)
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &unfit) && unfit.Writing:
		return exitNoOutput
	case errors.As(err, &unfit), errors.As(err, &data), errors.As(err, &short), errors.As(err, &broken):
		return exitData
	case errors.As(err, &number):
		return exitDiverged
	case errors.As(err, &locked):
		return exitNoOutput
	case errors.As(err, &write), errors.As(err, &path), errors.As(err, &errno):
		return exitIO
	}
	return exitInternal
}

// inputError turns a failure to read what a flag or an argument names into one that says what to do. Errors about contents pass.
func inputError(what string, err error) error {
	var path *fs.PathError
	if err == nil || !errors.As(err, &path) {
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(exitNoInput, "%s: %s does not exist: check the path", what, path.Path)
	case errors.Is(err, fs.ErrPermission):
		return fail(exitNoInput, "%s: %s: reading it is not permitted: change its permissions or choose another", what, path.Path)
	case errors.Is(path.Err, syscall.EISDIR):
		return fail(exitNoInput, "%s: %s is a folder: give a file", what, path.Path)
	}
	return err
}

// oneLine is a message without line breaks.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
