package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onepage"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// exportCmd writes a trained model for other runtimes.
type exportCmd struct {
	Dir        string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	ONNX       string `name:"onnx" xor:"form" required:"" placeholder:"FILE" help:"An ONNX file, with weights, vocabularies and, of a forecaster, all that comes before and behind the network."`
	HTML       string `name:"html" xor:"form" required:"" placeholder:"FILE" help:"A page that computes the model for texts, numbers or images, in one file: it opens from the disk, without a network."`
	Runtime    string `placeholder:"FILE" help:"Of --html: the runtime, onnxruntime-web as a .tgz. Default: it is downloaded once."`
	Part       string `placeholder:"PART" help:"Of a translator: encoder and step, for searches of your own. Default: whole."`
	Checkpoint string `placeholder:"NAME" help:"Which checkpoint: best, last, or the step of one that was kept. Default: best."`
}

func (k *exportCmd) Run(a *app) error {
	use := useFlags{Checkpoint: k.Checkpoint}
	r, err := use.open(a, k.Dir)
	if err != nil {
		return err
	}
	if k.HTML != "" {
		with, err := a.runtime(k.Runtime)
		if err != nil {
			return err
		}
		return a.export("html", k.HTML, func(w io.Writer) error { return onepage.Write(w, r, with) })
	}
	var ports *run.ONNXPorts
	err = a.export("onnx", k.ONNX, func(w io.Writer) (err error) {
		ports, err = r.WriteONNX(w, k.Part)
		return err
	})
	if err == nil {
		_, err = fmt.Fprint(a.prose(), ports)
	}
	return err
}

// runtime is what computes a model in a page: in a file, or downloaded as data sets are.
func (a *app) runtime(archive string) (*onepage.Runtime, error) {
	dir, err := dataDir()
	if err != nil {
		return nil, err
	}
	store := newStore(dir)
	store.Progress = report.Downloads(a.stderr)
	with, err := onepage.Get(context.Background(), store, archive)
	return with, getError(&onepage.Package, dir, err)
}

// export writes the file that a flag names, and says how large it is.
func (a *app) export(flag, path string, fill func(io.Writer) error) error {
	err := replace(flag, path, fill)
	if err != nil {
		return err
	}
	written, err := os.Stat(path)
	if err == nil {
		_, err = fmt.Fprintf(a.prose(), "%s: %s bytes\n", path, words.Thousands(int(written.Size())))
	}
	return errors.WithStack(err)
}
