package run

import (
	"cmp"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// In what errors say, names of settings stand in backquotes: `label_smoothing` is the setting that config.yaml
// calls so.

// SettingsError says that settings cannot be what they are, or do not fit together.
type SettingsError struct{ What string }

func (e *SettingsError) Error() string { return e.What }

func settings(format string, args ...any) error {
	return &SettingsError{fmt.Sprintf(format, args...)}
}

// DataError says that data are not what a model or a run needs.
type DataError struct{ What string }

func (e *DataError) Error() string { return e.What }

// errNoData is the error of a program that gives nothing to learn from.
var errNoData = badData("there are no data to learn from: they are nil")

func badData(format string, args ...any) error { return &DataError{fmt.Sprintf(format, args...)} }

// InputError says that an input cannot be read because of its path.
type InputError struct {
	Name string // what named it: a setting, in backquotes, or a file; "" for nothing
	What string
}

func (e *InputError) Error() string {
	if e.Name == "" {
		return e.What
	}
	return e.Name + ": " + e.What
}

// NewInputError turns a failure to read what name names into one that says what to do. Errors about contents pass.
func NewInputError(name string, err error) error {
	var path *fs.PathError
	if err == nil || !errors.As(err, &path) {
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &InputError{name, cmp.Or(path.Path, `""`) + " does not exist: check the path"}
	case errors.Is(err, fs.ErrPermission):
		return &InputError{name, path.Path + ": reading it is not permitted: change its permissions or choose another"}
	case errors.Is(path.Err, syscall.EISDIR):
		return &InputError{name, path.Path + " is a folder: give a file"}
	}
	return err
}

// OutputError says why a folder cannot be used for a run.
type OutputError struct {
	Dir  string
	What string // such as "is a file"
	Err  error  // instead of What: its configuration cannot be read

	cause error // of What, or nil
}

func (e *OutputError) Error() string {
	if e.Err != nil {
		return e.Err.Error() + ", or choose another folder"
	}
	return fmt.Sprintf("%s %s: choose another folder", e.Dir, e.What)
}

func (e *OutputError) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return e.cause
}

// outputError is what the file system says against a folder.
func outputError(dir string, err error) error {
	var inTheWay *safefile.Error
	if errors.As(err, &inTheWay) {
		return err
	}
	reason := errors.Cause(err)
	var path *fs.PathError
	if errors.As(err, &path) {
		reason = path.Err
	}
	return &OutputError{Dir: dir, What: fmt.Sprintf("cannot be written (%v)", reason), cause: reason}
}

// NotARunError says that a folder holds no run.
type NotARunError struct {
	Dir  string
	What string // such as "is a file"
}

func (e *NotARunError) Error() string {
	return fmt.Sprintf("%s %s: give the folder of a run", e.Dir, e.What)
}

// TaskError says that a run is of another task.
type TaskError struct {
	Dir  string
	Task string
	Want []string
}

func (e *TaskError) Error() string {
	return fmt.Sprintf("%s holds %s: this is for %s", e.Dir, TaskName(e.Task), e.Wanted())
}

// Wanted names the tasks that would do.
func (e *TaskError) Wanted() string { return orList(e.Want, TaskName) }

// OtherSettingsError says that a folder holds a run that would take other steps.
type OtherSettingsError struct {
	Dir        string
	Difference string // the first setting that differs, with both values
}

func (e *OtherSettingsError) Error() string {
	return fmt.Sprintf("%s holds a run with other settings (%s): overwrite it, or choose another folder", e.Dir,
		e.Difference)
}

// FinishedError says that a run has nothing left to do.
type FinishedError struct {
	Dir string
	Why string
	Bad bool // it was ended by too many validations without a better one: see `patience`
}

func (e *FinishedError) Error() string {
	more := "more `steps`, `epochs` or `minutes`"
	if e.Bad {
		more = "more `patience`"
	}
	return fmt.Sprintf("%s holds a run that is finished (%s): %s to train on, overwrite it, or choose another folder",
		e.Dir, e.Why, more)
}

// DivergedError says that the numbers of a run are no longer finite, or that it ended with a loss far above
// that at its start.
type DivergedError struct {
	Dir      string
	Step     int
	Why      string
	BestStep int // that of the best checkpoint; 0: there is none

	Saved bool // the newest checkpoint is of this step
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("diverged at step %d: %s: try a smaller `lr`", e.Step, e.Why)
}

// StoppedError says that a run was stopped, with all its work saved: it can be continued.
type StoppedError struct {
	Dir   string
	Step  int
	Saved string // the checkpoint
	Err   error  // what stopped it: the context's error, or one of data that could not be read
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("%v; step %d is saved in %s", e.Err, e.Step, e.Saved)
}

func (e *StoppedError) Unwrap() error { return e.Err }

// UnsavedError says that a run ended because its folder cannot be written any more. What was saved before is whole.
type UnsavedError struct {
	Dir string
	Err error
}

func (e *UnsavedError) Error() string { return e.Err.Error() + ": what was saved before is whole" }
func (e *UnsavedError) Unwrap() error { return e.Err }

// LockedError says that another process holds a folder: its Path, and the PID of the process, 0 if it is not known.
type LockedError = safefile.LockedError

// What package checkpoint says of files: one is damaged, one could not be written.
type (
	CorruptError = checkpoint.CorruptError
	WriteError   = checkpoint.WriteError
)

// isIO says whether an error is one of reading or writing.
func isIO(err error) bool {
	var (
		write *WriteError
		path  *fs.PathError
		errno syscall.Errno
	)
	return !isData(err) && (errors.As(err, &write) || errors.As(err, &path) || errors.As(err, &errno))
}

// isData says whether an error is one of what a file holds.
func isData(err error) bool {
	var (
		own    *DataError
		data   *datasets.Error
		short  *datasets.TooShortError
		broken *CorruptError
		unfit  *safefile.Error
	)
	return errors.As(err, &unfit) && !unfit.Writing || errors.As(err, &own) || errors.As(err, &data) ||
		errors.As(err, &short) || errors.As(err, &broken)
}
