package sim

import (
	"math"
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// blas multiplies matrices with plain loops, on its stream. It needs no workspace, but has one, as on a GPU,
// of which it touches nothing.
type blas struct {
	stream    *stream
	workspace driver.Ptr
	closed    bool
}

func (g *GPU) NewBLAS(s driver.Stream) (driver.BLAS, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	bytes := driver.WorkspaceBytes(g.Info().Compute)
	p, err := g.alloc(bytes, g.device.Reserve)
	if err != nil {
		return nil, err
	}
	g.stats.BLAS++
	g.stats.Workspace += bytes
	return &blas{stream: s.(*stream), workspace: p}, nil
}

func (b *blas) Close() error {
	g := b.stream.gpu
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.closed {
		return errors.New("sim: the handle was closed before")
	}
	b.closed = true
	g.stats.Workspace -= driver.WorkspaceBytes(g.Info().Compute)
	return g.device.Release(uint64(b.workspace))
}

func (b *blas) Product(m driver.Matrices) error {
	if b.closed {
		return errors.New("sim: product on a handle that was closed")
	}
	if err := checkMatrices(m); err != nil {
		return err
	}
	gpu := b.stream.gpu
	return b.stream.put(func() work {
		return work{"product", func() error {
			if b.closed {
				return errors.New("the handle was closed, and its workspace released, before the stream reached the product")
			}
			gpu.stats.Products++
			if m.Precision == driver.Float64 {
				return product(gpu.device, m, loadFloat64, math.FMA)
			}
			return product(gpu.device, m, loads[m.Precision], fma32)
		}}
	})
}

func checkMatrices(m driver.Matrices) error {
	if m.Precision > driver.Float64 {
		return errors.Errorf("sim: product of unknown precision %d", m.Precision)
	}
	if m.Batch < 1 || m.M < 1 || m.N < 1 || m.K < 1 {
		return errors.Errorf("sim: product of %d × %d×%d×%d: every extent must be at least 1", m.Batch, m.M, m.K, m.N)
	}
	if m.Beta != 0 && m.Beta != 1 {
		return errors.Errorf("sim: product with β = %g, must be 0 or 1", m.Beta)
	}
	widthA, widthB := m.K, m.N
	if m.TransA {
		widthA = m.M
	}
	if m.TransB {
		widthB = m.K
	}
	if m.LdA < widthA || m.LdB < widthB || m.LdC < m.N {
		return errors.Errorf("sim: product with leading dimensions %d, %d, %d, want at least %d, %d, %d", m.LdA, m.LdB,
			m.LdC, widthA, widthB, m.N)
	}
	return nil
}

type float interface{ float32 | float64 }

// fma32 rounds as a chain of fused multiply-adds does.
func fma32(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// loads read element i of an operand, rounded as the product's arithmetic wants it.
var loads = map[driver.Precision]func(mem []byte, i int) float32{
	driver.Float32:  loadFloat32,
	driver.TF32:     func(mem []byte, i int) float32 { return roundTF32(loadFloat32(mem, i)) },
	driver.BFloat16: func(mem []byte, i int) float32 { return math.Float32frombits(uint32(*at[uint16](mem, i)) << 16) },
}

func loadFloat32(mem []byte, i int) float32 { return *at[float32](mem, i) }
func loadFloat64(mem []byte, i int) float64 { return *at[float64](mem, i) }

func at[T any](mem []byte, i int) *T {
	var t T
	size := int(unsafe.Sizeof(t))
	return (*T)(unsafe.Pointer(unsafe.SliceData(mem[i*size:][:size])))
}

// roundTF32 rounds to 10 bits of mantissa, ties away from zero, as cvt.rna.tf32.f32 does.
func roundTF32(x float32) float32 {
	bits := math.Float32bits(x)
	if bits&0x7f800000 == 0x7f800000 { // infinities and NaN
		return x
	}
	return math.Float32frombits((bits + 1<<12) &^ (1<<13 - 1))
}

func product[T float](
	device *sim.Memory, m driver.Matrices, load func(mem []byte, i int) T, fma func(x, y, z T) T,
) error {
	var c T
	size := int64(unsafe.Sizeof(c))
	sizeIn := size
	if m.Precision == driver.BFloat16 {
		sizeIn = 2
	}
	rowsA, colsA, rowsB, colsB := m.M, m.K, m.K, m.N
	if m.TransA {
		rowsA, colsA = colsA, rowsA
	}
	if m.TransB {
		rowsB, colsB = colsB, rowsB
	}
	extent := func(rows, cols, ld, stride int) int64 { return int64((m.Batch-1)*stride + (rows-1)*ld + cols) }
	a, err := device.Window(uint64(m.A), sizeIn*extent(rowsA, colsA, m.LdA, m.StrideA))
	if err != nil {
		return errors.WithMessage(err, "A")
	}
	b, err := device.Window(uint64(m.B), sizeIn*extent(rowsB, colsB, m.LdB, m.StrideB))
	if err != nil {
		return errors.WithMessage(err, "B")
	}
	bytes := size * extent(m.M, m.N, m.LdC, m.StrideC)
	out, err := device.Window(uint64(m.C), bytes)
	if err != nil {
		return errors.WithMessage(err, "C")
	}
	stepAI, stepAK, stepBK, stepBJ := m.LdA, 1, m.LdB, 1
	if m.TransA {
		stepAI, stepAK = stepAK, stepAI
	}
	if m.TransB {
		stepBK, stepBJ = stepBJ, stepBK
	}
	for n := range m.Batch {
		for i := range m.M {
			for j := range m.N {
				var sum T
				for k := range m.K {
					sum = fma(load(a, n*m.StrideA+i*stepAI+k*stepAK), load(b, n*m.StrideB+k*stepBK+j*stepBJ), sum)
				}
				to := at[T](out, n*m.StrideC+i*m.LdC+j)
				if m.Beta == 1 {
					sum += *to
				}
				*to = sum
			}
			device.Written(uint64(m.C)+uint64(size)*uint64(n*m.StrideC+i*m.LdC), size*int64(m.N))
		}
	}
	return nil
}
