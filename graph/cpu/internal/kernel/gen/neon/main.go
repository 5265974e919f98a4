// Command neon writes the assembly of package kernel for arm64.
//
// Go's assembler knows few vector instructions of arm64, and avo none, so that these are written as words by an encoder
// of our own (encode.go), each beside what GNU's assembler calls it. The functions and the sums do what those for AVX2
// do, instruction by instruction (package gen), so that they give the same bits.
package main

import (
	"flag"
	"os"
)

func main() {
	out, stubs := flag.String("out", "", "the assembly"), flag.String("stubs", "", "its declarations")
	flag.Parse()
	text, declarations := generate()
	for name, content := range map[string]string{*out: text, *stubs: declarations} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			panic(err)
		}
	}
}

func generate() (text, declarations string) {
	var f file
	f.tiles()
	f.packing()
	f.functions()
	f.reductions()
	f.uniform()
	return f.assembly(), f.declarations()
}
