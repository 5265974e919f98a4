package sim_test

import (
	"archive/zip"
	"encoding/binary"
	"flag"
	"io"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

var update = flag.Bool("update", false, "make testdata/llvm.zip anew, with LLVM")

// llvmData holds kernels.ptx, as LLVM compiles llvmKernels, and results, what the same kernels give on a
// processor: of one kernel after the other, llvmRuns numbers each, little-endian.
const llvmData = "testdata/llvm.zip"

// LLVM is a witness from outside: it compiles one source to PTX, which runs in the simulator, and to the code of a
// processor, which has run it. Both give the same bits, NaN for NaN. The data is made by
//
//	apt-get install llvm-15 gcc && go test ./cuda/internal/ptx/sim -run TestLLVM -update
//
// on a processor with AVX2.
func TestLLVM(t *testing.T) {
	ks := llvmKernels()
	if *update {
		makeLLVMData(t, ks)
	}
	text, results := llvmFiles(t)
	m, err := sim.Compile(string(text))
	if err != nil {
		t.Fatal(err)
	}
	start, values := time.Now(), 0
	for at := range ks {
		k := &ks[at]
		f, err := m.Function(k.name)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]uint64, llvmRuns)
		for i := range want {
			want[i], results = takeNumber(t, results, llvmSize(k.ret))
		}
		in := llvmInputs(k)
		for i, got := range llvmRun(t, f, k, in) {
			if got != want[i] && !(k.ret[0] != 'i' && isNaN(k.ret, got) && isNaN(k.ret, want[i])) {
				t.Errorf("%s of %x = %#x, with LLVM %#x", k.name, column(in, i), got, want[i])
				break
			}
			values++
		}
	}
	if len(results) != 0 {
		t.Errorf("%d bytes of results are left over", len(results))
	}
	t.Logf("%d kernels, %d values agree, in %v", len(ks), values, time.Since(start).Round(time.Millisecond))
	if want := 453 * 1024; values != want {
		t.Errorf("%d values agree, want %d", values, want)
	}
}

func isNaN(t string, bits uint64) bool { x := llvmFloat(t, bits); return x != x }

// column is what the arguments are in run i.
func column(in [][]uint64, i int) (args []uint64) {
	for _, a := range in {
		args = append(args, a[i])
	}
	return args
}

func llvmFiles(t *testing.T) (text, results []byte) {
	z, err := zip.OpenReader(llvmData)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	read := func(name string) []byte {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return read("kernels.ptx"), read("results")
}

// takeNumber takes a number of so many bytes off the front.
func takeNumber(t *testing.T, b []byte, size int) (uint64, []byte) {
	if len(b) < size {
		t.Fatal("there are too few results; make the data anew")
	}
	if size == 4 {
		return uint64(binary.LittleEndian.Uint32(b)), b[4:]
	}
	return binary.LittleEndian.Uint64(b), b[8:]
}

// appendNumbers is the opposite of takeNumber.
func appendNumbers(b []byte, xs []uint64, size int) []byte {
	for _, x := range xs {
		if size == 4 {
			b = binary.LittleEndian.AppendUint32(b, uint32(x))
		} else {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
	}
	return b
}

// llvmRun runs a kernel in the simulator, in one block.
func llvmRun(t *testing.T, f *sim.Function, k *llvmKernel, in [][]uint64) []uint64 {
	mem := sim.NewMemory(1<<20, true)
	var args []uint64
	for i, t0 := range k.args {
		args = append(args, upload(t, mem, appendNumbers(nil, in[i], llvmSize(t0))))
	}
	size := llvmSize(k.ret)
	out, err := mem.Alloc(int64(llvmRuns * size))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Launch(&sim.Launch{Grid: line(1), Block: line(llvmRuns), Args: append(args, out), Memory: mem})
	if err != nil {
		t.Fatal(err)
	}
	got, bytes := make([]uint64, llvmRuns), download[byte](t, mem, out, llvmRuns*size)
	for i := range got {
		got[i], bytes = takeNumber(t, bytes, size)
	}
	return got
}
