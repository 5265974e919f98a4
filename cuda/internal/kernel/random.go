package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// randomSpec is what the kernel of a Random depends on. Its parameters are
//
//	the addresses of Keys and Out, the number of items, Stream
//
// An item is the up to four elements of a row that one block of random words gives; a thread draws one.
type randomSpec struct {
	float Elem
	width int
}

// NewRandom makes a tape.Random ready, with at least one element.
func NewRandom(float Elem, n, width int) (l Launch, items int) {
	s := randomSpec{float, width}
	items = n * s.items()
	blocks, threads := perThread(items)
	return Launch{newKernel("random", s, threads, func(b *ptx.Builder) { s.write(b, threads) }), blocks, threads}, items
}

// items is how many a row has.
func (s randomSpec) items() int { return (s.width + 3) / 4 }

func (s randomSpec) write(b *ptx.Builder, threads int) {
	keys, out := b.Pointer("keys"), b.Pointer("out")
	items, stream := b.Param("items", ptx.U64), b.Convert(ptx.U32, b.Param("stream", ptx.U64))
	t, size := s.float.register(), s.float.Size()
	i := thread(b, threads, true)
	b.If(b.Lt(i, items), func() {
		row, block := divide(b, i, s.items())
		var key [4]ptx.Value
		for k := range key {
			key[k] = b.Load(ptx.U32, b.At(keys, row, 16), 4*k)
		}
		words := philox(b, [4]ptx.Value{b.Convert(ptx.U32, block), stream, key[2], key[3]}, [2]ptx.Value{key[0], key[1]})
		at := b.At(out, b.Mad(row, ptx.Int(s.width), b.Shl(block, ptx.Int(2))), size)
		left := b.Sub(ptx.U64.Int(s.width), b.Shl(block, ptx.Int(2)))
		for k, word := range words {
			store := func() {
				upper := b.Convert(t, b.Shr(word, ptx.Int(8)))
				b.Store(at, k*size, b.Mul(upper, ptx.Num(0x1p-24)))
			}
			if k < (s.width-1)%4+1 { // there in every block
				store()
			} else {
				b.If(b.Gt(left, ptx.Int(k)), store)
			}
		}
	})
}

// philox is tape.Philox.
func philox(b *ptx.Builder, ctr [4]ptx.Value, key [2]ptx.Value) [4]ptx.Value {
	const (
		m0, m1 = 0xD2511F53, 0xCD9E8D57
		w0, w1 = 0x9E3779B9, 0xBB67AE85
	)
	for range 10 {
		lo0, hi0 := b.Split(b.MulWide(ctr[0], ptx.Int(m0)))
		lo1, hi1 := b.Split(b.MulWide(ctr[2], ptx.Int(m1)))
		ctr = [4]ptx.Value{b.Xor(b.Xor(hi1, ctr[1]), key[0]), lo1, b.Xor(b.Xor(hi0, ctr[3]), key[1]), lo0}
		key = [2]ptx.Value{b.Add(key[0], ptx.Int(w0)), b.Add(key[1], ptx.Int(w1))}
	}
	return ctr
}
