package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/run"
)

// exportCmd writes a trained model for other runtimes.
type exportCmd struct {
	Dir        string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	ONNX       string `name:"onnx" required:"" placeholder:"FILE" help:"An ONNX file, with weights and vocabularies."`
	Part       string `placeholder:"PART" help:"Of a translator: encoder and step, for searches of your own. Default: whole."`
	Checkpoint string `placeholder:"NAME" help:"Which checkpoint: best, last, or the step of one that was kept. Default: best."`
}

func (k *exportCmd) Run(a *app) error {
	use := useFlags{Checkpoint: k.Checkpoint}
	r, err := use.open(a, k.Dir)
	if err != nil {
		return err
	}
	parts, err := r.ONNXParts()
	if err != nil {
		return err
	}
	if k.Part != "" && !slices.Contains(parts, k.Part) {
		of := run.TaskName(r.Config().Task)
		return usage("--part is %q: of %s it must be %s", k.Part, of, strings.Join(parts, ", "))
	}
	if info, err := os.Stat(k.ONNX); err == nil && !info.Mode().IsRegular() {
		return fail(exitNoOutput, "--onnx: %s is no file that can be replaced: name another", k.ONNX)
	}
	var ports *run.ONNXPorts
	size, err := replaceFile(k.ONNX, func(w io.Writer) (err error) {
		ports, err = r.WriteONNX(w, k.Part)
		return err
	})
	if err != nil {
		return exportError(k.ONNX, err)
	}
	fmt.Fprintf(a.stdout, "%s: %s bytes\n", k.ONNX, words.Thousands(size))
	for _, p := range ports.Inputs {
		fmt.Fprintf(a.stdout, "  takes %v\n", p)
	}
	for _, p := range ports.Outputs {
		fmt.Fprintf(a.stdout, "  gives %v\n", p)
	}
	return nil
}

// replaceFile writes a file, which is there only when all of it is, and gives its size.
func replaceFile(path string, fill func(w io.Writer) error) (size int, err error) {
	in, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer in.Close()
	err = checkpoint.In(in).Write(filepath.Base(path), func(w io.Writer) error {
		return fill(writerFunc(func(p []byte) (int, error) {
			size += len(p)
			return w.Write(p)
		}))
	})
	return size, err
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// exportError says what to do if a file cannot be written.
func exportError(path string, err error) error {
	var in *fs.PathError
	var large *run.ONNXTooLargeError
	switch {
	case errors.As(err, &large):
		return fail(exitData, "--onnx: %v", large)
	case errors.As(err, &in) && !errors.Is(err, syscall.ENOSPC):
		return fail(exitNoOutput, "--onnx: %s cannot be written (%v): name another file", path, in.Err)
	}
	return err
}
