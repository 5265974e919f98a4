package sim_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// makeLLVMData writes llvmData.
func makeLLVMData(t *testing.T, ks []llvmKernel) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(stdin []byte, command string, args ...string) []byte {
		cmd := exec.Command(command, args...)
		cmd.Stdin = bytes.NewReader(stdin)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, stderr.String())
		}
		return out
	}
	// Products and sums stay apart in both.
	compiler := []string{"-opaque-pointers", "--fp-contract=off"}
	ptx := run(nil, "llc-15", append(compiler, "-march=nvptx64", "-mcpu=sm_70", "-mattr=+ptx63",
		"-o", "-", file("gpu.ll", llvmText(ks, true)))...)

	object, program := filepath.Join(dir, "kernels.o"), filepath.Join(dir, "kernels")
	run(nil, "llc-15", append(compiler, "-march=x86-64", "-mattr=+fma,+avx2", "-relocation-model=pic", "-O0",
		"-filetype=obj", "-o", object, file("cpu.ll", llvmText(ks, false)))...)
	run(nil, "gcc", "-o", program, file("main.c", mainText(ks)), object, "-lm")
	var in []byte
	for _, k := range ks {
		for i, xs := range llvmInputs(&k) {
			in = appendNumbers(in, xs, llvmSize(k.args[i]))
		}
	}
	pack(t, dialect(string(ptx)), run(in, program))
}

// dialect brings LLVM's PTX into that of the simulator: names of labels, comparisons for equality by their type,
// and without the compiler's comments.
func dialect(ptx string) string {
	ptx = strings.ReplaceAll(ptx, "$L__", "L__")
	ptx = regexp.MustCompile(`setp\.(eq|ne)\.b(32|64)`).ReplaceAllString(ptx, "setp.$1.u$2")
	return regexp.MustCompile(`(?m)[ \t]*//.*$|^[ \t]*\n`).ReplaceAllString(ptx, "")
}

// llvmText is the kernels in LLVM's language: for the GPU, where each thread has a number, or for the CPU, where
// that is an argument.
func llvmText(ks []llvmKernel, gpu bool) string {
	var b strings.Builder
	target, space, number := "x86_64-linux-gnu", "", ", i32 %t"
	if gpu {
		target, space, number = "nvptx64-nvidia-cuda", " addrspace(1)", ""
	}
	fmt.Fprintf(&b, "target triple = \"%s\"\ndeclare i32 @llvm.nvvm.read.ptx.sreg.tid.x()\n", target)
	declareFunctions(&b, ks)
	for _, k := range ks {
		fmt.Fprintf(&b, "define void @%s(", k.name)
		for i := range k.args {
			fmt.Fprintf(&b, "ptr%s %%p%d, ", space, i)
		}
		fmt.Fprintf(&b, "ptr%s %%out%s) {\n", space, number)
		if gpu {
			b.WriteString("%t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()\n")
		}
		for i, t := range k.args {
			fmt.Fprintf(&b, "%%a%d = getelementptr %s, ptr%s %%p%[1]d, i32 %%t\n", i, t, space)
			fmt.Fprintf(&b, "%%l%d = load %s, ptr%s %%a%[1]d\n", i, t, space)
			// Keeps a load and a conversion apart: the simulator knows no load of 32 bits into a register of 64.
			fmt.Fprintf(&b, "%%%c = freeze %s %%l%d\n", "xyz"[i], t, i)
		}
		fmt.Fprintf(&b, "%s\n%%to = getelementptr %s, ptr%s %%out, i32 %%t\nstore %[2]s %%r, ptr%[3]s %%to\nret void\n}\n",
			strings.Join(k.body, "\n"), k.ret, space)
	}
	if gpu {
		var all []string
		for i, k := range ks {
			fmt.Fprintf(&b, "!%d = !{ptr @%s, !\"kernel\", i32 1, !\"maxntidx\", i32 %d}\n", i, k.name, llvmRuns)
			all = append(all, fmt.Sprintf("!%d", i))
		}
		fmt.Fprintf(&b, "!nvvm.annotations = !{%s}\n", strings.Join(all, ", "))
	}
	return b.String()
}

// declareFunctions declares LLVM's functions that the kernels call.
func declareFunctions(b *strings.Builder, ks []llvmKernel) {
	call := regexp.MustCompile(`call (\w+) (@llvm\.[\w.]+)\(([^)]*)\)`)
	seen := map[string]bool{}
	for _, k := range ks {
		for _, m := range call.FindAllStringSubmatch(strings.Join(k.body, "\n"), -1) {
			if seen[m[2]] {
				continue
			}
			seen[m[2]] = true
			var types []string
			for arg := range strings.SplitSeq(m[3], ", ") {
				types = append(types, strings.Fields(arg)[0])
			}
			fmt.Fprintf(b, "declare %s %s(%s)\n", m[1], m[2], strings.Join(types, ", "))
		}
	}
}

// mainText is a program in C that runs the kernels on what it reads and writes the results.
func mainText(ks []llvmKernel) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#include <stdio.h>\nenum { N = %d };\nstatic double in[3][N], out[N];\n", llvmRuns)
	for _, k := range ks {
		fmt.Fprintf(&b, "void %s(%sint);\n", k.name, strings.Repeat("void *, ", len(k.args)+1))
	}
	b.WriteString("int main(void) {\n")
	for _, k := range ks {
		args := ""
		for i, t := range k.args {
			fmt.Fprintf(&b, "if (fread(in[%d], %d, N, stdin) != N) return 1;\n", i, llvmSize(t))
			args += fmt.Sprintf("in[%d], ", i)
		}
		fmt.Fprintf(&b, "for (int t = 0; t < N; t++) %s(%sout, t);\n", k.name, args)
		fmt.Fprintf(&b, "fwrite(out, %d, N, stdout);\n", llvmSize(k.ret))
	}
	b.WriteString("return 0;\n}\n")
	return b.String()
}

// pack writes llvmData, always with the same bytes.
func pack(t *testing.T, ptx string, results []byte) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	add := func(name string, data []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("kernels.ptx", []byte(ptx))
	add("results", results)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(llvmData), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(llvmData, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
