package ptx_test

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// A mistake is kept, and returned with the text.
func Example_mistake() {
	var m ptx.Module
	m.Kernel("wrong", func(b *ptx.Builder) {
		n, p := b.Param("n", ptx.S64), b.Pointer("p")
		b.Store(p, 0, b.Add(n, ptx.Num(0.5)))
	})
	_, err := m.PTX()
	fmt.Println(err)
	// Output:
	// ptx: kernel wrong: add: the constant 0.5 is no s64 (example_test.go:14)
}

// y = a*x + y over n numbers, each thread in steps of the whole grid.
func Example() {
	var m ptx.Module
	m.Kernel("axpy", func(b *ptx.Builder) {
		n, a := b.Param("n", ptx.S64), b.Param("a", ptx.F64)
		x, y := b.Pointer("x"), b.Pointer("y")
		b.GridStride(n, func(i ptx.Value) {
			at := b.At(y, i, 8)
			b.Store(at, 0, b.Fma(a, b.Load(ptx.F64, b.At(x, i, 8), 0), b.Load(ptx.F64, at, 0)))
		})
	})
	text, err := m.PTX()
	fmt.Println(text, err)
	// Output:
	// .version 7.8
	// .target sm_70
	// .address_size 64
	//
	// .visible .entry axpy(
	// 	.param .s64 n,
	// 	.param .f64 a,
	// 	.param .u64 x,
	// 	.param .u64 y
	// )
	// {
	// 	.reg .pred %p<3>;
	// 	.reg .b32 %r<7>;
	// 	.reg .b64 %rd<11>;
	// 	.reg .f64 %fd<5>;
	//
	// 	ld.param.s64 %rd1, [n];
	// 	ld.param.f64 %fd1, [a];
	// 	ld.param.u64 %rd2, [x];
	// 	cvta.to.global.u64 %rd3, %rd2;
	// 	ld.param.u64 %rd4, [y];
	// 	cvta.to.global.u64 %rd5, %rd4;
	// 	mov.u32 %r1, %ctaid.x;
	// 	mov.u32 %r2, %ntid.x;
	// 	mov.u32 %r3, %tid.x;
	// 	mad.lo.u32 %r4, %r1, %r2, %r3;
	// 	mov.u32 %r5, %nctaid.x;
	// 	mul.lo.u32 %r6, %r2, %r5;
	// 	cvt.s64.u32 %rd6, %r4;
	// 	cvt.s64.u32 %rd7, %r6;
	// 	mov.s64 %rd8, %rd6;
	// 	setp.ge.s64 %p1, %rd8, %rd1;
	// 	@%p1 bra L2;
	// L1:
	// 	mad.lo.u64 %rd9, %rd8, 8, %rd5;
	// 	mad.lo.u64 %rd10, %rd8, 8, %rd3;
	// 	ld.global.f64 %fd2, [%rd10];
	// 	ld.global.f64 %fd3, [%rd9];
	// 	fma.rn.f64 %fd4, %fd1, %fd2, %fd3;
	// 	st.global.f64 [%rd9], %fd4;
	// 	add.s64 %rd8, %rd8, %rd7;
	// 	setp.lt.s64 %p2, %rd8, %rd1;
	// 	@%p2 bra L1;
	// L2:
	// 	ret;
	// }
	//  <nil>
}
