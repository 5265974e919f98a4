package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// simulated is the kernels of a path for products of bfloat16, with those in the simulator that need AVX-512.
func simulated(t *testing.T, path string) *Set[float32] {
	s := *BFloat16(path)
	touch := func(p *float32, n int) []float32 { return unsafe.Slice(p, n) }
	run := func(name string, args map[string]uint64, memory ...[]float32) {
		sim := &simulator{t: t, memory: slices.DeleteFunc(memory, func(m []float32) bool { return len(m) == 0 })}
		sim.run(name, args)
	}
	flag := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	kind := "BF16"
	if path == AVX512BF16 {
		kind = "Pairs"
		s.Row = func(k int, a, b *float32, panel int, c *float32, acc bool) {
			run("rowOf32PairsAVX512", map[string]uint64{"k": uint64(k), "a": addressOf(a), "b": addressOf(b),
				"panel": uint64(panel), "c": addressOf(c), "acc": flag(acc)},
				touch(a, k), touch(b, panel+k*32), touch(c, 64))
		}
		s.Pack = packPairs(func(dst *float32, width, n, k int, src *float32, srcK int) {
			run("packCopyPairsAVX512", map[string]uint64{"dst": addressOf(dst), "width": uint64(width), "n": uint64(n),
				"k": uint64(k), "src": addressOf(src), "srcK": uint64(srcK)},
				touch(dst, k/2*width), touch(src, max(0, (k-1)*srcK+n)))
		}, func(n, width, k int, dst *float32, dstP int, src *float32, srcI int) {
			run("transposePairsAVX512", map[string]uint64{"n": uint64(n), "width": uint64(width), "k": uint64(k),
				"dst": addressOf(dst), "dstP": uint64(dstP), "src": addressOf(src), "srcI": uint64(srcI)},
				touch(dst, (k/2-1)*dstP+min(16, width)), touch(src, (n-1)*srcI+k))
		})
	}
	s.Tile = func(m, n, k int, a *float32, _, aK int, b *float32, _ int, c *float32, cRow int, acc bool) {
		run("tile"+strconv.Itoa(m)+kind+"AVX512", map[string]uint64{"k": uint64(k), "a": addressOf(a), "aK": uint64(aK),
			"b": addressOf(b), "c": addressOf(c), "cRow": uint64(cRow), "n": uint64(n), "acc": flag(acc)},
			touch(a, (k-1)*aK+m), touch(b, k*32), touch(c, (m-1)*cRow+n))
	}
	return &s
}

// The kernels for AVX-512 give the bits of the contract, and touch nothing but their operands.
func TestSimulatedAVX512(t *testing.T) {
	for _, path := range []string{AVX512BF16, AVX512} {
		t.Run(path, func(t *testing.T) {
			if path == AVX512 && !slices.Contains(Paths(), AVX2) {
				t.Skip("operands are packed with AVX2, which this processor does not have")
			}
			s := simulated(t, path)
			checkTileBF16(t, s, s.NR)
			checkVectorsBF16(t, s)
			checkCutsBF16(t, s)
			if path == AVX512BF16 {
				checkPackBF16(t, s)
				checkRowBF16(t, s, s)
			}
		})
	}
}

// The instructions that are written as bytes are what their comments say, and with any other bit they would not be.
func TestBytesBF16(t *testing.T) {
	all := rawInstructions()
	for _, in := range all {
		if _, _, _, err := decodeEVEX(&in); err != "" {
			t.Errorf("%s %v: % x: %s", in.name, in.args, in.bytes, err)
		}
		for bit := range 8 * len(in.bytes) {
			wrong := in
			wrong.bytes = slices.Clone(in.bytes)
			wrong.bytes[bit/8] ^= 1 << (bit % 8)
			if _, _, _, err := decodeEVEX(&wrong); err == "" {
				t.Fatalf("% x passes for %s %v, which is % x", wrong.bytes, in.name, in.args, in.bytes)
			}
		}
	}
	if len(all) < 1000 {
		t.Errorf("there are %d such instructions only", len(all))
	}
}

func rawInstructions() (all []instruction) {
	for _, p := range assembly() {
		for _, in := range p.code {
			if in.bytes != nil {
				all = append(all, in)
			}
		}
	}
	return all
}

// GNU objdump, where it is installed, reads the bytes as their comments do.
func TestObjdump(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("there is no objdump")
	}
	all := rawInstructions()
	var text []byte
	for _, in := range all {
		text = append(text, in.bytes...)
	}
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := regexp.MustCompile(`(?m)\t(v\w+) +zmm(\d+),zmm(\d+),zmm(\d+)$`).FindAllStringSubmatch(string(out), -1)
	if len(lines) != len(all) {
		t.Fatalf("objdump reads %d instructions, of %d", len(lines), len(all))
	}
	for i, in := range all {
		got := lines[i][1] + " Z" + lines[i][4] + " Z" + lines[i][3] + " Z" + lines[i][2]
		if want := strings.ToLower(in.name) + " " + strings.Join(in.args, " "); got != want {
			t.Errorf("% x is %s, want %s", in.bytes, got, want)
		}
	}
}
