package main

import (
	"fmt"
	"io"
	"os"

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
	var ports *run.ONNXPorts
	err = a.export("onnx", k.ONNX, func(w io.Writer) (err error) {
		ports, err = r.WriteONNX(w, k.Part)
		return err
	})
	if err == nil {
		_, err = fmt.Fprint(a.stdout, ports)
	}
	return err
}

// export writes the file that a flag names, and says how large it is.
func (a *app) export(flag, path string, fill func(io.Writer) error) error {
	err := replace(flag, path, fill)
	if large := (*run.ONNXTooLargeError)(nil); errors.As(err, &large) {
		return fail(exitData, "--%s: %v", flag, large)
	}
	if err != nil {
		return err
	}
	written, err := os.Stat(path)
	if err == nil {
		_, err = fmt.Fprintf(a.stdout, "%s: %s bytes\n", path, words.Thousands(int(written.Size())))
	}
	return errors.WithStack(err)
}
