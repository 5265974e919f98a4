package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
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
	if err := replaceable("onnx", k.ONNX); err != nil {
		return err
	}
	var ports *run.ONNXPorts
	err = run.Write(k.ONNX, func(w io.Writer) (err error) {
		ports, err = r.WriteONNX(w, k.Part)
		return err
	})
	if large := (*run.ONNXTooLargeError)(nil); errors.As(err, &large) {
		return fail(exitData, "--onnx: %v", large)
	}
	if err != nil {
		return unwritable("onnx", k.ONNX, err)
	}
	written, err := os.Stat(k.ONNX)
	if err != nil {
		return errors.WithStack(err)
	}
	fmt.Fprintf(a.stdout, "%s: %s bytes\n", k.ONNX, words.Thousands(int(written.Size())))
	for _, p := range ports.Inputs {
		fmt.Fprintf(a.stdout, "  takes %v\n", p)
	}
	for _, p := range ports.Outputs {
		fmt.Fprintf(a.stdout, "  gives %v\n", p)
	}
	return nil
}
