package main

import (
	"encoding/json"
	"io"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/machine"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// doctorCmd says what the machine has and whether it works.
type doctorCmd struct {
	Device string `enum:"${devices}" default:"auto" help:"What must work: ${enum}. auto: whatever there is."`
	JSON   bool   `name:"json" help:"Write one JSON object instead of text."`
}

func (d *doctorCmd) Run(a *app) error {
	f := machine.Examine(reach.Built, deviceOptions(run.Running{}, a.stderr)...)
	var err error
	if d.JSON {
		err = json.NewEncoder(a.stdout).Encode(f)
	} else {
		_, err = io.WriteString(a.prose(), f.Words())
	}
	if err != nil {
		return errors.WithStack(err)
	}
	return verdict(f, d.Device)
}

// verdict is an error if what is asked for does not work.
func verdict(f *machine.Finding, name string) error {
	switch {
	case f.CPU.Failed != "" && name != device.CUDA:
		return fail(exitInternal, "the CPU does not work: %s: please report it", f.CPU.Failed)
	case f.GPU != nil && f.GPU.Failed != "" && (name == device.Auto || name == device.CUDA):
		return fail(exitGPU, "the GPU does not work: %s: use --device cpu, and see whether other programs can use the GPU",
			f.GPU.Failed)
	case f.GPU == nil && name == device.CUDA:
		return fail(exitUnavailable, "--device cuda: no GPU: %s", f.NoGPU)
	}
	return nil
}
