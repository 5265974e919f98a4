package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/configfile"
	"github.com/unroll-ml/unroll/internal/joint"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/parallel"
	"github.com/unroll-ml/unroll/trainer/run"
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
	exitDiverged    = 80 // the numbers are no longer finite, or the loss far above its start
	exitGPU         = 81 // the GPU is full or lost
)

// exitError is an error with its exit code.
type exitError struct {
	code    int
	msg     string
	command string // that the message ends with; "": none
}

func (e *exitError) Error() string {
	if e.command == "" {
		return e.msg
	}
	return e.msg + " " + e.command
}

func fail(code int, format string, args ...any) error {
	return &exitError{code: code, msg: fmt.Sprintf(format, args...)}
}

// failThen is an error whose message ends with the command to run next.
func failThen(code int, command, format string, args ...any) error {
	return &exitError{code, fmt.Sprintf(format, args...), command}
}

func usage(format string, args ...any) error { return fail(exitUsage, format, args...) }

// exitCode is the code that an error ends the program with.
func exitCode(err error) int {
	var coded *exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	if unfit := (*safefile.Error)(nil); errors.As(err, &unfit) && unfit.Writing {
		return exitNoOutput
	}
	for _, x := range []struct {
		code  int
		kinds []any
	}{
		{exitUsage, []any{new(*run.SettingsError), new(*setting.Error), new(*configfile.NameError)}},
		{exitNoInput, []any{new(*run.InputError)}},
		{exitUnavailable, []any{
			new(*parallel.MPIUnavailableError), new(*parallel.MPIError), new(*joint.LostError), new(*device.WorldError),
			new(*device.CollectiveError),
		}},
		{exitNoOutput, []any{new(*run.OutputError), new(*run.FinishedError), new(*run.LockedError)}},
		{exitData, []any{
			new(*run.OtherSettingsError), new(*run.DisagreeError), new(*run.DataError), new(*run.TaskError), new(*run.NotARunError),
			new(*run.CorruptError), new(*run.ONNXTooLargeError),
			new(*datasets.Error), new(*datasets.TooShortError), new(*safefile.Error), new(*runlog.DamagedError),
		}},
		{exitDiverged, []any{new(*decode.NotFiniteError), new(*run.DivergedError)}},
		{exitIO, []any{new(*apply.ReadError), new(*run.WriteError), new(*fs.PathError), new(syscall.Errno)}},
		{exitStopped, []any{new(*run.StoppedError)}},
	} {
		for _, kind := range x.kinds {
			if errors.As(err, kind) {
				return x.code
			}
		}
	}
	return exitInternal
}

// advise says of errors that package run knows what to do, in the terms of the command line; others stay as they are.
func advise(err error) error {
	const anotherFolder = "choose another folder with --out"
	var (
		output   *run.OutputError
		other    *run.OtherSettingsError
		finished *run.FinishedError
		locked   *run.LockedError
		page     *attention.UnwritableError
	)
	switch {
	case errors.As(err, &page):
		return unwritable("attention", page.Path, page.Err)
	case errors.As(err, &output) && output.Err != nil:
		return fail(exitNoOutput, "%v, or %s", output.Err, anotherFolder)
	case errors.As(err, &output):
		return fail(exitNoOutput, "%s %s: %s", output.Dir, output.What, anotherFolder)
	case errors.As(err, &other):
		return fail(exitData,
			"%s holds a run with other settings (%s): --overwrite to replace it, or %s; --from %s begins there with its weights",
			other.Dir, other.Difference, anotherFolder, cmdline.Quote(other.Dir))
	case errors.As(err, &finished):
		more := "--steps, --epochs or --minutes"
		if finished.Bad {
			more = "--patience"
		}
		return fail(exitNoOutput,
			"%s holds a run that is finished (%s): more %s to train on, --overwrite to replace it, or %s",
			finished.Dir, finished.Why, more, anotherFolder)
	case errors.As(err, &locked):
		return fail(exitNoOutput, "%s: %s trains there: wait for it, stop it, or %s", filepath.Dir(locked.Path),
			locked.Holder(), anotherFolder)
	}
	return err
}

// inFile names the line of the file of a configuration that an error is about; other errors pass.
func (a *app) inFile(err error) error {
	if err == nil || a.line.File == nil {
		return err
	}
	where := a.line.File.Where(oneLine(err))
	if recipe, ok := strings.CutPrefix(a.line.File.Name, "recipe "); ok && where != "" && exitCode(err) == exitNoInput {
		where += fmt.Sprintf("; %s recipes %s says where it comes from", calledAs, recipe)
	}
	if code := exitCode(err); where != "" && code == exitUsage {
		return fail(exitData, "%s", where)
	} else if where != "" {
		return fail(code, "%s", where)
	}
	return err
}

// replaceable says whether a file that a flag names may be replaced, if it is there.
func replaceable(flag, path string) error {
	if run.IsPart(path) {
		return fail(exitNoOutput, "--%s: %s is a part of a run, which could not be used without it: name another file",
			flag, path)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fail(exitNoOutput, "--%s: %s is no file that can be replaced: name another", flag, path)
	}
	return nil
}

// replace writes the file that a flag names.
func replace(flag, path string, fill func(io.Writer) error) error {
	err := replaceable(flag, path)
	if err == nil {
		err = unwritable(flag, path, run.Write(path, fill))
	}
	return err
}

// unwritable says what to do if a file that a flag names cannot be written. A full disk is full for any other, too.
func unwritable(flag, path string, err error) error {
	var in *fs.PathError
	if !errors.As(err, &in) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return fail(exitNoOutput, "--%s: %s cannot be written (%v): name another file", flag, path, in.Err)
}

// oneLine is an error in the terms of the command line, on one line.
func oneLine(err error) string { return words.OneLine(cmdline.InFlags(err)) }
