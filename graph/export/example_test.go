package export_test

import (
	"bytes"
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
)

// A leaky average of any number of sequences of any length: y' = 0.9·y + 0.1·x.
func ExampleWrite() {
	var file bytes.Buffer
	ports, err := export.Write(&file, export.Options{Name: "average"}, func(m *export.Model) error {
		time, batch := m.Size("time"), m.Size("batch")
		x := m.Input("x", tensor.Float32, time, batch)
		scan := op.Scan{Seqs: []*G.Node{x}, States: []*G.Node{m.Fill(x, 0, batch)}}
		run := m.Scan(scan, func(b *op.Builder, in op.In) op.Out {
			y := b.Add(b.Affine(in.States[0], 0.9, 0), b.Affine(in.Seqs[0], 0.1, 0))
			return op.Out{States: []*G.Node{y}}
		})
		m.Output("y", run.States[0])
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("takes", ports.Inputs)
	fmt.Println("gives", ports.Outputs)
	// Output:
	// takes [x float32[time, batch]]
	// gives [y float32[time, batch]]
}
