package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

// write writes the kernel.
func (s mapSpec) write(b *ptx.Builder, threads int) {
	if s.table {
		s.writeTable(b, threads)
		return
	}
	in, out, items := s.params(b, "")
	s.writeItem(b, thread(b, threads, s.wide), items, in, out)
}

// params declares the parameters of a Map.
func (s mapSpec) params(b *ptx.Builder, prefix string) (in, out []ptx.Value, items ptx.Value) {
	for i := range s.in {
		in = append(in, b.Pointer(fmt.Sprintf("%sin%d", prefix, i)))
	}
	for i := range s.out {
		out = append(out, b.Pointer(fmt.Sprintf("%sout%d", prefix, i)))
	}
	return in, out, b.Param(prefix+"items", ptx.U64)
}

// writeItem computes item i, if there are more than i.
func (s mapSpec) writeItem(b *ptx.Builder, i, items ptx.Value, in, out []ptx.Value) {
	if !s.wide {
		items = b.Convert(ptx.U32, items)
	}
	b.If(b.Lt(i, items), func() {
		v, results := s.item(b, i, in)
		for k, o := range s.out {
			v.store(o, out[k], results[k])
		}
	})
}

// item computes the results of item i.
func (s mapSpec) item(b *ptx.Builder, i ptx.Value, in []ptx.Value) (v *mapItem, results [][]ptx.Value) {
	v = &mapItem{mapSpec: s, b: b, index: s.indices(b, i), offsets: map[string]ptx.Value{}}
	regs := make([][]ptx.Value, 0, len(s.in)+len(s.code))
	for k, o := range s.in {
		regs = append(regs, v.load(o, in[k]))
	}
	return v, v.results(regs)
}

// results runs the Map's program on its inputs.
func (v *mapItem) results(regs [][]ptx.Value) (results [][]ptx.Value) {
	for k, op := range v.code {
		regs = append(regs, v.apply(k, op, regs))
	}
	for _, r := range v.result {
		results = append(results, regs[r])
	}
	return results
}

// indices are those of item i along each axis.
func (s mapSpec) indices(b *ptx.Builder, i ptx.Value) []ptx.Value {
	index := make([]ptx.Value, len(s.inner)+1)
	for a := len(s.inner); a > 0; a-- {
		i, index[a] = divide(b, i, s.inner[a-1])
	}
	index[0] = i
	return index
}

// mapItem is one item in the hands of a thread.
type mapItem struct {
	mapSpec
	b       *ptx.Builder
	index   []ptx.Value
	offsets map[string]ptx.Value // by strides
}

// offset is Σ index·stride, as S32 or, if the kernel is wide, S64.
func (v *mapItem) offset(strides []int) ptx.Value {
	key := fmt.Sprint(strides)
	if sum, ok := v.offsets[key]; ok {
		return sum
	}
	t := ptx.S32
	if v.wide {
		t = ptx.S64
	}
	var sum ptx.Value
	for a, s := range strides {
		switch x := v.b.Convert(t, v.index[a]); {
		case s == 0:
		case sum == ptx.Value{} && s == 1:
			sum = x
		case sum == ptx.Value{}:
			sum = v.b.Mul(x, ptx.Int(s))
		case s == 1:
			sum = v.b.Add(sum, x)
		default:
			sum = v.b.Mad(x, ptx.Int(s), sum)
		}
	}
	if sum == (ptx.Value{}) {
		sum = v.b.Var(t.Int(0))
	}
	v.offsets[key] = sum
	return sum
}

func (v *mapItem) address(o mapOperand, base ptx.Value) ptx.Value {
	for _, s := range o.strides {
		if s != 0 {
			return v.b.At(base, v.offset(o.strides), o.elem.Size())
		}
	}
	return base
}

// load reads an operand's elements and converts them to the type that is computed in.
func (v *mapItem) load(o mapOperand, base ptx.Value) []ptx.Value {
	b, at, t := v.b, v.address(o, base), o.elem.register()
	var xs []ptx.Value
	if v.vector > 1 && o.across == 1 {
		xs = b.LoadVector(t, v.vector, at, 0)
	} else {
		xs = []ptx.Value{b.Load(t, at, 0)}
	}
	for i := range xs {
		xs[i] = b.Convert(v.compute.register(), xs[i])
	}
	for len(xs) < v.vector {
		xs = append(xs, xs[0])
	}
	return xs
}

// apply runs operation k for each of the neighbours.
func (v *mapItem) apply(k int, op tape.Op, regs [][]ptx.Value) []ptx.Value {
	b, t := v.b, v.compute.register()
	xs := make([]ptx.Value, v.vector)
	switch op.Fn {
	case tape.Const:
		x := b.Var(t.Num(op.Value))
		for i := range xs {
			xs[i] = x
		}
	case tape.Iota:
		strides := v.iota[k]
		across := strides[len(strides)-1]
		scaled := append([]int(nil), strides...)
		scaled[len(scaled)-1] *= v.vector
		first := v.offset(scaled)
		for i := range xs {
			if xs[i] = first; i*across > 0 {
				xs[i] = b.Add(first, ptx.Int(i*across))
			}
			xs[i] = b.Convert(t, xs[i])
		}
	default:
		for i := range xs {
			var args []ptx.Value
			for _, a := range op.Args[:op.Fn.Arity()] {
				args = append(args, regs[a][i])
			}
			if op.Fn == tape.Id && op.Value == rounded {
				xs[i] = b.CutBF16(args[0])
				continue
			}
			xs[i] = b.Fn(op.Fn, args...)
		}
	}
	return xs
}

// store converts numbers to an operand's type and writes them.
func (v *mapItem) store(o mapOperand, base ptx.Value, xs []ptx.Value) {
	b, at := v.b, v.address(o, base)
	if o.elem == BF16 {
		v.storeBF16(at, xs)
		return
	}
	converted := make([]ptx.Value, len(xs))
	for i, x := range xs {
		if converted[i] = b.Convert(o.elem.register(), x); o.elem == TF32 {
			converted[i] = b.RoundTF32(x)
		}
	}
	b.Store(at, 0, converted...)
}

func (v *mapItem) storeBF16(at ptx.Value, xs []ptx.Value) {
	b := v.b
	if len(xs) == 1 {
		b.Store16(at, 0, b.RoundBF16(xs[0]))
		return
	}
	var pairs []ptx.Value
	for i := 0; i < len(xs); i += 2 {
		pairs = append(pairs, b.Or(b.RoundBF16(xs[i]), b.Shl(b.RoundBF16(xs[i+1]), ptx.Int(16))))
	}
	b.Store(at, 0, pairs...)
}
