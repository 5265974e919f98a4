package driver_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/internal/include"
)

// The project's own declarations of CUDA say the same as NVIDIA's, wherever those are installed: the value of
// every constant, the type of every function, the size and layout of every struct. That a newer toolkit gives a
// call's name to a newer function is said, and is no difference: the library keeps the one that is called here.
func TestDeclarations(t *testing.T) {
	nvidia := nvidiaHeaders(t)
	d := readDeclarations(t)
	r := d.compare(t, nvidia)
	for _, line := range r.differences {
		t.Errorf("against %s: %s", nvidia, line)
	}
	t.Logf("%s: %d constants, %d functions, %d sizes and offsets compared", nvidia, r.constants, r.functions, r.sizes)
	if len(r.newer) > 0 {
		t.Logf("newer functions have these names there:\n%s", strings.Join(r.newer, "\n"))
	}
	if len(r.unknown) > 0 {
		t.Logf("not declared there, and so not compared: %s", strings.Join(r.unknown, ", "))
	}
	if r.constants < 200 || r.functions < 120 || r.sizes < 100 {
		t.Error("too little was compared")
	}
}

// What TestDeclarations would find, tried on headers that are the project's own but for one thing.
func TestCompareDeclarations(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	const newer = "#define cuMemAdvise cuMemAdvise_v2\nCUresult cuMemAdvise_v2(CUdeviceptr, size_t, " +
		"CUmem_advise, int, int);\n"
	renamed := []string{"cuMemAdvise is cuMemAdvise_v2"}
	for _, c := range []struct {
		what, file, from, to string
		more                 string // at the end of all
		want                 report // but for the counts
	}{
		{what: "nothing", file: "cuda.h"},
		{"a newer function with the name", "cuda.h", "", "", newer, report{newer: renamed}},
		{"a newer function, and a parameter of the older one", "cuda_functions.h", "F(cuMemAdvise, (CUdeviceptr address, size_t",
			"F(cuMemAdvise, (CUdeviceptr address, unsigned int", newer, report{newer: renamed, differences: []string{`"cuMemAdvise"`}}},
		{"a function that is gone", "cuda_functions.h", "F(cuMemAdvise,", "F(cuMemAdvise_v3,", "", report{unknown: []string{"cuMemAdvise"}}},
		{"a type that is gone", "cuda.h", "CUuuid;", "CUuuid2;\n#define CUuuid CUuuid2", "#undef CUuuid\n",
			report{unknown: []string{"CUuuid"}}},
		{"a constant", "cuda_constants.h", "CUDA_ERROR_OUT_OF_MEMORY, 2", "CUDA_ERROR_OUT_OF_MEMORY, 3", "",
			report{differences: []string{`"CUDA_ERROR_OUT_OF_MEMORY"`}}},
		{"a parameter", "cuda_functions.h", "F(cuDeviceGet, (CUdevice *", "F(cuDeviceGet, (char *", "",
			report{differences: []string{`"cuDeviceGet"`}}},
		{"a result", "cuda.h", "args) CUresult", "args) float", "", report{differences: []string{`"cuDeviceGet"`}}},
		{"the size of a struct", "cuda.h", "char bytes[16]", "char bytes[24]", "",
			report{differences: []string{"sizeof(CUuuid) = 16 here, 24 there"}}},
		{"the order of fields", "cuda.h", "void **kernelParams;\n\tvoid **extra;", "void **extra;\n\tvoid **kernelParams;", "",
			report{differences: []string{"offsetof(CUDA_KERNEL_NODE_PARAMS_v1, extra) = 48 here, 40 there"}}},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, include.Files); err != nil {
			t.Fatal(err)
		}
		for file, change := range map[string]func(string) string{
			c.file: func(s string) string {
				if c.from != "" && strings.Count(s, c.from) != 1 {
					t.Fatalf("%s: %q is not once in %s", c.what, c.from, c.file)
				}
				return strings.Replace(s, c.from, c.to, 1)
			},
			"cublas_v2.h": func(s string) string { return s + c.more },
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(change(read(t, file))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := readDeclarations(t).compare(t, dir)
		if !slices.Equal(got.newer, c.want.newer) || !slices.Equal(got.unknown, c.want.unknown) {
			t.Errorf("%s: newer %q, unknown %q, want %q, %q", c.what, got.newer, got.unknown, c.want.newer, c.want.unknown)
		}
		found := strings.Join(got.differences, "\n")
		for _, want := range c.want.differences {
			if !strings.Contains(found, want) {
				t.Errorf("%s: %s is not among the differences:\n%s", c.what, want, found)
			}
		}
		if len(c.want.differences) == 0 && found != "" {
			t.Errorf("%s differs:\n%s", c.what, found)
		}
	}
}

// nvidiaHeaders is the folder that holds NVIDIA's cuda.h and cublas_v2.h.
func nvidiaHeaders(t *testing.T) string {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	for _, dir := range []string{
		filepath.Join(os.Getenv("CUDA_HOME"), "include"), "/usr/local/cuda/include", "/usr/include",
	} {
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

type (
	constant  struct{ name, value string }
	function  struct{ result, name, params string }
	structure struct {
		name   string
		fields []string
	}
	declarations struct {
		constants []constant
		functions []function
		structs   []structure
	}
)

var (
	value     = regexp.MustCompile(`V\((\w+), (-?\d+)\)`)
	prototype = regexp.MustCompile(`F\((\w+), (\([^)]*\)),`)
	record    = regexp.MustCompile(`(?s)typedef struct \{([^}]*)\} (\w+);`)
	field     = regexp.MustCompile(`(\w+)(?:\[\d+\])?[,;]`)
	typeName  = regexp.MustCompile(`\b(CU\w+|cu\w+_t|cublas\w+_t|cudaDataType)\b`)
)

// changed are constants whose value follows the version.
var changed = map[string]bool{"CU_CTX_FLAGS_MASK": true}

func readDeclarations(t *testing.T) *declarations {
	d := new(declarations)
	for _, f := range []struct{ file, result string }{
		{"cuda_constants.h", ""},
		{"cuda_functions.h", "CUresult"},
		{"cublas_functions.h", "cublasStatus_t"},
	} {
		text := strings.ReplaceAll(read(t, f.file), "\\\n", " ")
		for _, m := range value.FindAllStringSubmatch(text, -1) {
			if !changed[m[1]] {
				d.constants = append(d.constants, constant{m[1], m[2]})
			}
		}
		for _, m := range prototype.FindAllStringSubmatch(text, -1) {
			d.functions = append(d.functions, function{f.result, m[1], m[2]})
		}
	}
	for _, m := range record.FindAllStringSubmatch(read(t, "cuda.h"), -1) {
		var fields []string
		for _, f := range field.FindAllStringSubmatch(m[1], -1) {
			fields = append(fields, f[1])
		}
		d.structs = append(d.structs, structure{m[2], fields})
	}
	if len(d.constants) < 200 || len(d.functions) < 120 || len(d.structs) < 8 {
		t.Fatalf("only %d constants, %d functions and %d structs are found", len(d.constants), len(d.functions),
			len(d.structs))
	}
	return d
}

// read is one of the project's own headers.
func read(t *testing.T, file string) string {
	b, err := include.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A report is what a comparison with other headers says.
type report struct {
	constants, functions, sizes int      // that were compared
	newer                       []string // functions whose name stands for another there
	unknown                     []string // names that are not declared there
	differences                 []string
}

// compare compares the declarations with those of the headers in another folder.
func (d *declarations) compare(t *testing.T, folder string) (r report) {
	ours := t.TempDir()
	if err := os.CopyFS(ours, include.Files); err != nil {
		t.Fatal(err)
	}
	start := header
	for name, is := range d.renamed(t, folder) {
		r.newer = append(r.newer, name+" is "+is)
		start += "#undef " + name + "\n"
	}
	slices.Sort(r.newer)
	r.unknown = d.forget(folder, start)
	r.constants, r.functions = len(d.constants), len(d.functions)
	for _, m := range complaint.FindAllStringSubmatch(compile(folder, start+d.program()), -1) {
		r.differences = append(r.differences, m[1])
	}
	here, there := d.layout(t, ours, header), d.layout(t, folder, start)
	r.sizes = len(here)
	for _, what := range slices.Sorted(maps.Keys(here)) {
		if here[what] != there[what] {
			r.differences = append(r.differences, fmt.Sprintf("%s = %s here, %s there", what, here[what], there[what]))
		}
	}
	return r
}

var (
	complaint  = regexp.MustCompile(`error: (.*)`)
	undeclared = regexp.MustCompile(`'(\w+)' undeclared`)
	expansion  = regexp.MustCompile(`(?m)^name "(\w+)" (\w+)$`)
)

// header begins every program. The macro makes NVIDIA's header declare each function under the name that the
// library exports; for some that does not help, in newer ones: see renamed.
const header = "#define __CUDA_API_VERSION_INTERNAL\n#include <stddef.h>\n#include <stdio.h>\n#include <cuda.h>\n" +
	"#include <cublas_v2.h>\n"

// renamed are the functions whose names are macros for others.
func (d *declarations) renamed(t *testing.T, folder string) map[string]string {
	var b strings.Builder
	b.WriteString(header)
	for _, f := range d.functions {
		fmt.Fprintf(&b, "name \"%s\" %[1]s\n", f.name)
	}
	out, err := gcc(folder, b.String(), "-E", "-P").Output()
	names := expansion.FindAllStringSubmatch(string(out), -1)
	if err != nil || len(names) != len(d.functions) {
		t.Fatalf("%s: of %d names %d are found: %v", folder, len(d.functions), len(names), err)
	}
	other := map[string]string{}
	for _, m := range names {
		if m[1] != m[2] {
			other[m[1]] = m[2]
		}
	}
	return other
}

// forget drops what the headers do not declare, and what cannot be said without it, and gives the names that
// are missing.
func (d *declarations) forget(folder, start string) (missing []string) {
	var b strings.Builder
	b.WriteString(start)
	probe := func(name string) { fmt.Fprintf(&b, "_Static_assert(sizeof(%s) > 0, \"\");\n", name) }
	for _, c := range d.constants {
		probe(c.name)
	}
	for _, f := range d.functions {
		probe(f.name)
	}
	for _, name := range d.types() {
		probe(name)
	}
	for _, m := range undeclared.FindAllStringSubmatch(compile(folder, b.String()), -1) {
		missing = append(missing, m[1])
	}
	gone := func(name string) bool { return slices.Contains(missing, name) }
	d.constants = slices.DeleteFunc(d.constants, func(c constant) bool { return gone(c.name) })
	d.functions = slices.DeleteFunc(d.functions, func(f function) bool {
		return gone(f.name) || slices.ContainsFunc(typeName.FindAllString(f.params, -1), gone)
	})
	d.structs = slices.DeleteFunc(d.structs, func(s structure) bool { return gone(s.name) })
	return missing
}

// types are the names of all types: of structs, and of parameters.
func (d *declarations) types() []string {
	names := map[string]bool{}
	for _, s := range d.structs {
		names[s.name] = true
	}
	for _, f := range d.functions {
		for _, w := range typeName.FindAllString(f.params, -1) {
			names[w] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// program does not compile where a constant or a function is another.
func (d *declarations) program() string {
	var b strings.Builder
	for _, c := range d.constants {
		fmt.Fprintf(&b, "_Static_assert(%s == %s, \"%[1]s\");\n", c.name, c.value)
	}
	for _, f := range d.functions {
		fmt.Fprintf(&b, "_Static_assert(__builtin_types_compatible_p(__typeof__(%s), %s %s), \"%[1]s\");\n", f.name,
			f.result, f.params)
	}
	return b.String()
}

// layout is the size of every type and the place of every field, as the headers in a folder have it.
func (d *declarations) layout(t *testing.T, folder, start string) map[string]string {
	var b strings.Builder
	b.WriteString(start + "int main(void) {\n")
	for _, name := range d.types() {
		fmt.Fprintf(&b, "printf(\"sizeof(%s) = %%zu\\n\", sizeof(%[1]s));\n", name)
	}
	for _, s := range d.structs {
		for _, f := range s.fields {
			fmt.Fprintf(&b, "printf(\"offsetof(%s, %s) = %%zu\\n\", offsetof(%[1]s, %[2]s));\n", s.name, f)
		}
	}
	b.WriteString("}\n")
	file := filepath.Join(t.TempDir(), "layout")
	if out := compile(folder, b.String(), "-o", file); out != "" {
		t.Fatalf("%s:\n%s", folder, out)
	}
	out, err := exec.Command(file).Output()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]string{}
	for line := range strings.Lines(string(out)) {
		what, size, _ := strings.Cut(strings.TrimSpace(line), " = ")
		sizes[what] = size
	}
	return sizes
}

// compile is what the compiler has to say against a program.
func compile(folder, program string, args ...string) string {
	if len(args) == 0 {
		args = []string{"-fsyntax-only"}
	}
	out, err := gcc(folder, program, args...).CombinedOutput()
	if err != nil && len(out) == 0 {
		return "error: " + err.Error()
	}
	return string(out)
}

func gcc(folder, program string, args ...string) *exec.Cmd {
	cmd := exec.Command("gcc", append(args, "-w", "-std=gnu11", "-I", folder, "-x", "c", "-")...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(program)
	return cmd
}
