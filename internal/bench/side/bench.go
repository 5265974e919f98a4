package side

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Bench measures sides, and writes what it finds as it comes: a table for people, or an object of JSON a line.
type Bench struct {
	Title, Version string
	Sides          []*Side
	NoGPU          string        // why there is none; "": there is one, or none was wanted
	Ceilings       time.Duration // for each measurement of what devices can do, about
	Options
	Out        io.Writer
	JSON       bool
	Save, Plot string // files for the JSON, too, and for a drawing; "": not wanted
}

// benchHead is the first object.
type benchHead struct {
	Bench   string      `json:"bench"`
	Version string      `json:"version"`
	Sides   []benchSide `json:"sides"`
	NoGPU   string      `json:"no_gpu,omitempty"` // why there is none
}

type benchSide struct {
	Device string `json:"device"`
	What   string `json:"what"`
	Ceilings
}

// Measure is Kernels or Models.
type Measure func(sides []*Side, o Options, each func(Result) error) error

// Run measures.
func (b *Bench) Run(measure Measure) error {
	lines := &log{file: b.Save}
	if b.JSON {
		lines.out = b.Out
	}
	if b.NoGPU != "" && !b.JSON {
		fmt.Fprintf(terminal.Prose(b.Out), "%-5s %s\n", "cuda", b.NoGPU)
	}
	head := benchHead{Bench: b.Title, Version: b.Version, NoGPU: b.NoGPU}
	for _, s := range b.Sides {
		if err := s.Measure(Options{Time: b.Ceilings, Tiny: b.Tiny}); err != nil {
			return err
		}
		head.Sides = append(head.Sides, benchSide{s.Name(), s.What, s.Ceilings})
	}
	if err := lines.add(head); err != nil {
		return err
	}
	table := &Table{W: b.Out, Sides: b.Sides}
	if !b.JSON {
		if err := table.Head(); err != nil {
			return errors.WithStack(err)
		}
	}
	var results []Result
	err := measure(b.Sides, b.Options, func(r Result) error {
		results = append(results, r)
		if err := lines.add(r); err != nil || b.JSON {
			return err
		}
		return errors.WithStack(table.Line(r))
	})
	if err != nil {
		return err
	}
	if err := lines.close(); err != nil || b.Plot == "" {
		return err
	}
	return b.plot(results)
}

// plot draws results.
func (b *Bench) plot(results []Result) error {
	var drawing bytes.Buffer
	if err := Plot(&drawing, b.Title+": how near to what the device can do", b.Sides, results); err != nil {
		return err
	}
	return run.WriteFile(b.Plot, drawing.Bytes())
}
