package driver_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The project's own declarations of CUDA say the same as NVIDIA's, wherever those are installed: the value of every constant, the type of every
// function, the size and layout of every struct.
func TestDeclarations(t *testing.T) {
	nvidia := nvidiaHeaders(t)
	d := readDeclarations(t)
	if out, err := compile(nvidia, d.program()); err != nil {
		t.Errorf("against %s:\n%s", nvidia, out)
	}
	ours, theirs := d.layout(t, "include"), d.layout(t, nvidia)
	for i, line := range ours {
		if line != theirs[i] {
			t.Errorf("here %s, in NVIDIA's header %s", line, theirs[i])
		}
	}
	if !t.Failed() {
		t.Logf("%s: %d constants, %d functions, %d sizes and offsets agree", nvidia, len(d.constants), len(d.functions), len(ours))
	}

	for what, spoil := range map[string]func(d *declarations){
		"a constant":  func(d *declarations) { d.constants[0].value += "1" },
		"a parameter": func(d *declarations) { d.functions[0].params = "(char *x)" },
		"a result":    func(d *declarations) { d.functions[0].result = "float" },
	} {
		wrong := readDeclarations(t)
		spoil(wrong)
		if _, err := compile(nvidia, wrong.program()); err == nil {
			t.Errorf("%s that is wrong passes", what)
		}
	}
}

// nvidiaHeaders is the folder that holds NVIDIA's cuda.h and cublas_v2.h.
func nvidiaHeaders(t *testing.T) string {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	for _, dir := range []string{filepath.Join(os.Getenv("CUDA_HOME"), "include"), "/usr/local/cuda/include", "/usr/include"} {
		if !filepath.IsAbs(dir) {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "cuda.h")); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "cublas_v2.h")); err == nil {
			return dir
		}
	}
	t.Skip("no cuda.h and cublas_v2.h of NVIDIA's in $CUDA_HOME/include, /usr/local/cuda/include or /usr/include")
	return ""
}

type declarations struct {
	constants []struct{ name, value string }
	functions []struct{ result, name, params string }
	structs   []struct {
		name   string
		fields []string
	}
}

var (
	constant  = regexp.MustCompile(`V\((\w+), (-?\d+)\)`)
	prototype = regexp.MustCompile(`F\((\w+), (\([^)]*\)),`)
	structure = regexp.MustCompile(`(?s)typedef struct \{([^}]*)\} (\w+);`)
	field     = regexp.MustCompile(`(\w+)(?:\[\d+\])?[,;]`)
	typeName  = regexp.MustCompile(`\b(CU\w+|cu\w+_t|cublas\w+_t|cudaDataType)\b`)
)

// changed are constants whose value follows the version.
var changed = map[string]bool{"CU_CTX_FLAGS_MASK": true}

func readDeclarations(t *testing.T) *declarations {
	d := new(declarations)
	for _, f := range []struct{ file, result string }{{"cuda_constants.h", ""}, {"cuda_functions.h", "CUresult"}, {"cublas_functions.h", "cublasStatus_t"}} {
		text := strings.ReplaceAll(read(t, filepath.Join("include", f.file)), "\\\n", " ")
		for _, m := range constant.FindAllStringSubmatch(text, -1) {
			if !changed[m[1]] {
				d.constants = append(d.constants, struct{ name, value string }{m[1], m[2]})
			}
		}
		for _, m := range prototype.FindAllStringSubmatch(text, -1) {
			d.functions = append(d.functions, struct{ result, name, params string }{f.result, m[1], m[2]})
		}
	}
	for _, m := range structure.FindAllStringSubmatch(read(t, "include/cuda.h"), -1) {
		var fields []string
		for _, f := range field.FindAllStringSubmatch(m[1], -1) {
			fields = append(fields, f[1])
		}
		d.structs = append(d.structs, struct {
			name   string
			fields []string
		}{m[2], fields})
	}
	if len(d.constants) < 200 || len(d.functions) < 120 || len(d.structs) < 8 {
		t.Fatalf("only %d constants, %d functions and %d structs are found", len(d.constants), len(d.functions), len(d.structs))
	}
	return d
}

func read(t *testing.T, file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// header begins every program. The macro makes NVIDIA's header declare each function under the name that the library exports.
const header = "#define __CUDA_API_VERSION_INTERNAL\n#include <stddef.h>\n#include <stdio.h>\n#include <cuda.h>\n#include <cublas_v2.h>\n"

// program does not compile where a constant or a function is another.
func (d *declarations) program() string {
	var b strings.Builder
	b.WriteString(header)
	for _, c := range d.constants {
		fmt.Fprintf(&b, "_Static_assert(%s == %s, \"%[1]s\");\n", c.name, c.value)
	}
	for _, f := range d.functions {
		fmt.Fprintf(&b, "_Static_assert(__builtin_types_compatible_p(__typeof__(%s), %s %s), \"%[1]s\");\n", f.name, f.result, f.params)
	}
	return b.String()
}

// layout is the size of every type and the place of every field, as the headers in a folder have it.
func (d *declarations) layout(t *testing.T, include string) []string {
	types := map[string]bool{}
	for _, f := range d.functions {
		for _, w := range typeName.FindAllString(f.params, -1) {
			types[w] = true
		}
	}
	var b strings.Builder
	b.WriteString(header + "int main(void) {\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		fmt.Fprintf(&b, "printf(\"sizeof(%s) = %%zu\\n\", sizeof(%[1]s));\n", name)
	}
	for _, s := range d.structs {
		fmt.Fprintf(&b, "printf(\"sizeof(%s) = %%zu\\n\", sizeof(%[1]s));\n", s.name)
		for _, f := range s.fields {
			fmt.Fprintf(&b, "printf(\"offsetof(%s, %s) = %%zu\\n\", offsetof(%[1]s, %[2]s));\n", s.name, f)
		}
	}
	b.WriteString("}\n")
	file := filepath.Join(t.TempDir(), "layout")
	if out, err := compile(include, b.String(), "-o", file); err != nil {
		t.Fatalf("%s:\n%s", include, out)
	}
	out, err := exec.Command(file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func compile(include, program string, args ...string) (string, error) {
	if len(args) == 0 {
		args = []string{"-fsyntax-only"}
	}
	cmd := exec.Command("gcc", append(args, "-w", "-std=gnu11", "-I", include, "-x", "c", "-")...)
	cmd.Stdin = strings.NewReader(program)
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	return out.String(), err
}
