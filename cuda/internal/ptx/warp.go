package ptx

// ShuffleXor is the x of the thread whose number in the warp differs in the given bits: lane ^ bits, 1 to 31.
// All 32 threads of the warp must run it together.
func (b *Builder) ShuffleXor(x Value, bits int) Value { return b.shuffle("bfly", x, bits) }

// ShuffleDown is the x of the thread that is n further on in the warp, 1 to 31; the last n threads keep their
// own. All 32 threads of the warp must run it together.
func (b *Builder) ShuffleDown(x Value, n int) Value { return b.shuffle("down", x, n) }

func (b *Builder) shuffle(mode string, x Value, n int) Value {
	t := b.unify("shfl", notPred, &x)
	if n < 1 || n > 31 {
		b.fail("shfl", "by %d; a warp has 32 threads", n)
	}
	if t.Size() == 8 {
		lo, hi := b.Split(x)
		lo, hi = b.shuffle(mode, lo, n), b.shuffle(mode, hi, n)
		return b.Join(t, lo, hi)
	}
	d := b.new(t)
	b.emit("shfl.sync."+mode+".b32", d, x, n, 31, -1)
	return d
}
