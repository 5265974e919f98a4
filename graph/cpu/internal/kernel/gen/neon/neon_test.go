package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The files of package kernel are what this program writes.
func TestGenerated(t *testing.T) {
	text, stubs := generate()
	for name, want := range map[string]string{"kernels_arm64.s": text, "kernels_arm64.go": stubs} {
		got, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the generator writes: go generate ./graph/cpu/internal/kernel", name)
		}
	}
}

// instructions are the words of the kernels, and their names.
func instructions() (words []uint32, names []string) {
	text, _ := generate()
	for _, m := range regexp.MustCompile(`(?m)^\tWORD \$(0x[0-9a-f]{8}) // (.*)$`).FindAllStringSubmatch(text, -1) {
		word, err := strconv.ParseUint(m[1], 0, 32)
		if err != nil {
			panic(err)
		}
		words, names = append(words, uint32(word)), append(names, m[2])
	}
	return words, names
}

// GNU objdump for arm64, where it is installed, reads the words as their names say.
func TestObjdump(t *testing.T) {
	objdump, err := exec.LookPath("aarch64-linux-gnu-objdump")
	if err != nil {
		t.Skip("there is no aarch64-linux-gnu-objdump (package binutils-aarch64-linux-gnu)")
	}
	words, names := instructions()
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "aarch64", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := regexp.MustCompile(`(?m)^ +[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$`).FindAllStringSubmatch(string(out), -1)
	if len(lines) != len(words) {
		t.Fatalf("objdump reads %d instructions, of %d", len(lines), len(words))
	}
	for i, l := range lines {
		if got := strings.ReplaceAll(l[1], "\t", " "); got != names[i] {
			t.Errorf("%08x is %q, want %q", words[i], got, names[i])
		}
	}
}

// A term of the largest tile takes two loads, and a multiply-add for each of its 24 sums of 4 columns.
func TestTileCounts(t *testing.T) {
	text, _ := generate()
	_, body, _ := strings.Cut(text, "TEXT ·tile12NEON")
	_, loop, _ := strings.Cut(body, "again:\n")
	loop, _, _ = strings.Cut(loop, "store:\n")
	for what, want := range map[string]int{"// ld1 ": 2, "// fmla ": 24, "\n": 28} {
		if got := strings.Count(loop, what); got != want {
			t.Errorf("a term has %d times %q, want %d", got, what, want)
		}
	}
}
