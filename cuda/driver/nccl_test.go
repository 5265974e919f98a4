package driver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/internal/include"
)

// The project's declarations of NCCL say the same as NVIDIA's, and the library has what is called, where those are
// installed: in $NCCL_HOME/include and $NCCL_HOME/lib, or in /usr.
func TestNCCL(t *testing.T) {
	home := os.Getenv("NCCL_HOME")
	if home == "" {
		home = "/usr"
	}
	header := filepath.Join(home, "include", "nccl.h")
	if _, err := os.Stat(header); err != nil {
		t.Skip("no nccl.h in $NCCL_HOME/include or /usr/include")
	}
	constants, functions := ncclDeclarations(t)
	if out := compareNCCL(t, filepath.Dir(header), constants, functions); out != "" {
		t.Errorf("against %s:\n%s", header, out)
	}
	t.Logf("%s: %d constants and %d functions compared", header, len(constants), len(functions))
	library := filepath.Join(home, "lib", "libnccl.so.2")
	if _, err := os.Stat(library); err != nil {
		t.Logf("no %s, in which to look for functions", library)
		return
	}
	out, err := exec.Command("nm", "--dynamic", "--defined-only", library).Output()
	if err != nil {
		t.Fatal(err)
	}
	symbols := strings.Fields(string(out))
	for _, f := range functions {
		if !slices.Contains(symbols, f.name) {
			t.Errorf("%s has no %s", library, f.name)
		}
	}
}

// What TestNCCL would find, tried on a header that is the project's own but for one thing.
func TestCompareNCCL(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	constants, functions := ncclDeclarations(t)
	for _, c := range []struct{ file, from, to, want string }{
		{"nccl.h", "", "", ""},
		{"nccl.h", "internal[128]", "internal[64]", "ncclUniqueId"},
		{"nccl_functions.h", "V(ncclFloat32, 7)", "V(ncclFloat32, 8)", "ncclFloat32"},
		{"nccl_functions.h", "size_t count", "int count", "ncclAllReduce"},
		{"nccl_functions.h", "F(ncclCommAbort,", "F(ncclCommEnd,", "ncclCommAbort"},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, include.Files); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(read(t, c.file), c.from, c.to, 1)
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out := compareNCCL(t, dir, constants, functions)
		if !strings.Contains(out, c.want) || (out == "") != (c.want == "") {
			t.Errorf("%s for %s: found %q, want %s", c.to, c.from, out, c.want)
		}
	}
}

// ncclDeclarations are the project's own.
func ncclDeclarations(t *testing.T) (constants []constant, functions []function) {
	text := strings.ReplaceAll(read(t, "nccl_functions.h"), "\\\n", " ")
	for _, m := range value.FindAllStringSubmatch(text, -1) {
		constants = append(constants, constant{m[1], m[2]})
	}
	results, texts, _ := strings.Cut(text, "#define NCCL_TEXTS(F)")
	for result, part := range map[string]string{"ncclResult_t": results, "const char *": texts} {
		for _, m := range prototype.FindAllStringSubmatch(part, -1) {
			functions = append(functions, function{result, m[1], m[2]})
		}
	}
	if len(constants) != 10 || len(functions) != 9 {
		t.Fatalf("%d constants and %d functions are found", len(constants), len(functions))
	}
	return constants, functions
}

// compareNCCL is what the compiler has to say against the declarations, beside those in another folder. What NCCL's header
// includes of the CUDA toolkit it needs for a name alone.
func compareNCCL(t *testing.T, folder string, constants []constant, functions []function) string {
	toolkit := t.TempDir()
	for file, text := range map[string]string{
		"cuda_runtime.h": "#include <stddef.h>\ntypedef struct CUstream_st *cudaStream_t;\n", "cuda_fp16.h": "",
	} {
		if err := os.WriteFile(filepath.Join(toolkit, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := "#include <nccl.h>\n_Static_assert(sizeof(ncclUniqueId) == 128, \"ncclUniqueId\");\n" +
		(&declarations{constants: constants, functions: functions}).program()
	return compile(folder, program, "-fsyntax-only", "-I", toolkit)
}
