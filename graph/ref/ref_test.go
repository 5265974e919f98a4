package ref_test

import (
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// h = h·W + 1, three times, with W = 2I: 1, 3, 7.
func TestLoop(t *testing.T) {
	tp := &tape.Tape{
		Float: tape.Float32,
		Buffers: []tape.Buffer{
			{Dtype: tape.Float32, Len: 2, Offset: 0},
			{Dtype: tape.Float32, Len: 4, Offset: 64},
			{Dtype: tape.Float32, Len: 2, Offset: 128},
		},
		Arena: 192,
		Slots: []tape.Slot{
			{Name: "h", Kind: tape.State, Shape: []int{1, 2}, Buf: 0},
			{Name: "w", Kind: tape.Input, Shape: []int{2, 2}, Buf: 1},
		},
		Code: []tape.Instr{&tape.Loop{Trip: 3, Body: []tape.Instr{
			&tape.Product{A: tape.Ref{Buf: 0}, B: tape.Ref{Buf: 1}, C: tape.Ref{Buf: 2}, Batch: 1, M: 1, N: 2, K: 2, LdA: 2, LdB: 2, LdC: 2},
			&tape.Map{
				Shape: []int{2}, In: []tape.Operand{{Ref: tape.Ref{Buf: 2}, Strides: []int{1}}},
				Code: []tape.Op{{Fn: tape.Const, Value: 1}, {Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
				Out: []tape.Operand{{Ref: tape.Ref{Buf: 0}, Strides: []int{1}}},
			},
		}}},
	}
	for _, d := range []tape.Device{ref.New(), ref.New(ref.Poison())} {
		p, err := d.Load(tp)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(1, []float32{2, 0, 0, 2}); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		h := make([]float32, 2)
		if err := p.Read(0, h); err != nil || h[0] != 7 || h[1] != 7 {
			t.Errorf("h = %v, %v; want [7 7]", h, err)
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	const n = 128
	for _, f := range []tape.Dtype{tape.Float32, tape.Float64} {
		b.Run(f.String(), func(b *testing.B) {
			bytes := int64(n * n * f.Size())
			tp := &tape.Tape{Float: f, Arena: 3 * bytes}
			for i := range 3 {
				tp.Buffers = append(tp.Buffers, tape.Buffer{Dtype: f, Len: n * n, Offset: int64(i) * bytes})
			}
			tp.Code = []tape.Instr{&tape.Product{
				A: tape.Ref{Buf: 0}, B: tape.Ref{Buf: 1}, C: tape.Ref{Buf: 2}, Batch: 1, M: n, N: n, K: n, LdA: n, LdB: n, LdC: n}}
			p, err := ref.New().Load(tp)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := p.Run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*n*n*n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mop/s")
		})
	}
}
