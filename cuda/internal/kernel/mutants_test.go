package kernel

import (
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx/mutate"
)

var mutants = flag.Int("mutants", 3, "how many mutants of each kernel to try; 0: all of them, which takes minutes")

// equivalent are changes of a line that change nothing that a kernel computes, with the reason: in all kernels,
// or in those of some kind.
var equivalent = []struct{ kind, was, now, why string }{
	{"", "griddepcontrol.launch_dependents", "", "the next kernel begins later"},
	{"", ".u64 ", ".s64 ", "counts, and addresses, are less than 2⁶³"},
	{"", "cvt.u64.u32", ".s64.u32", "the width grows by zeros either way"},
	{"", "cvt.u64.u32", ".u64.s32", "counts are less than 2³¹"},
	{"", "mul.wide.u32", "mul.wide.s32", "likewise"},
	{"", "mad.wide.u32", "mad.wide.s32", "likewise"},
	{"", "cvta.to.global", "", "an address in global memory is the same as a generic one"},
	{"", ", 16, 31, -1;", ", 17, 31, -1;", "16^1, 8, 4, 2 and 1 reach all lanes, too"},
	{"", ", 8, 31, -1;", ", 9, 31, -1;", "likewise"},
	{"", ", 4, 31, -1;", ", 5, 31, -1;", "likewise"},
	{"", ", 2, 31, -1;", ", 3, 31, -1;", "likewise"},
	{"reduce_row", "shfl.sync.bfly", "shfl.sync.down", "the result of one lane is used, and it is the same"},
	{"fold", "shfl.sync.bfly", "shfl.sync.down", "likewise"},
	{"argmax", "shfl.sync.bfly", "shfl.sync.down", "likewise"},
	{"crossentropy_", "shfl.sync.bfly", "shfl.sync.down", "likewise"},
	{"region", "mad.wide.s32", "mad.wide.u32", "lines and columns are counted from 0, and no stride is negative"},
	{"region", "cvt.s64.u32", ".s64.s32", "rows are less than 2³¹"},
	{"region", "setp.eq.u32", ", 1;", "all lanes have the sum"},
	{"scatter_rank", "shfl.sync.bfly", "shfl.sync.down", "likewise"},
}

// The checks tell right kernels from wrong ones. Those that survive are, but for a few, changes of what does
// not matter in the kernels where they were made: the number of the block where there is one, a condition that
// holds for every shape that the kernel is made for, in what order numbers are added in which lanes whose
// results nobody uses.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of work that no build tag changes")
	}
	made, found := 0, 0
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			clean := newRig()
			if err := c.run(clean); err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(clean.kernels)) {
				text, err := Module([]Kernel{clean.kernels[name]}, true)
				if err != nil {
					t.Fatal(err)
				}
				some := slices.DeleteFunc(mutate.Own(mutate.All(text)),
					func(m mutate.Mutant) bool { return changesNothing(name, m) })
				if *mutants > 0 {
					some = mutate.Sample(some, *mutants)
				}
				r := mutate.Run(some, func(text string) error { return detect(c, clean, name, text) })
				made += len(some)
				found += len(some) - len(r.Survivors)
				t.Logf("%s: %d of %d found", name, len(some)-len(r.Survivors), len(some))
				for _, m := range r.Survivors {
					t.Logf("survived: %v", m)
				}
			}
		})
	}
	t.Logf("%d of %d mutants found, %.1f%%", found, made, 100*float64(found)/float64(made))
	if float64(found) < 0.95*float64(made) {
		t.Errorf("%d of %d mutants found, want 95%%", found, made)
	}
}

// changesNothing reports whether a mutant of a kernel is known to be equivalent.
func changesNothing(kernel string, m mutate.Mutant) bool {
	for _, e := range equivalent {
		if strings.HasPrefix(kernel, e.kind) && strings.Contains(m.Was, e.was) && strings.Contains(m.Now, e.now) {
			return true
		}
	}
	if strings.HasPrefix(kernel, "reduce") && strings.Contains(m.Text(), "max.f32") &&
		strings.Contains(m.Was, "add.rn.f32") {
		return m.Kind == mutate.Op // what is added is NaN, and less NaN is NaN, too
	}
	// Of the warps of a block the first lanes' results are put together: see foldBlock.
	if strings.Contains(kernel, "softmax") || strings.HasPrefix(kernel, "crossentropygrad") {
		if strings.Contains(m.Text(), "shared") && strings.Contains(m.Was, "shfl.sync.bfly") {
			return strings.Contains(m.Now, "shfl.sync.down")
		}
	}
	if m.Kind != mutate.Register {
		return false
	}
	if justCopied(m) {
		return true
	}
	// A global address is the same as the generic address that it was made of.
	for line := range strings.Lines(m.Text()) {
		f := operands(line)
		if len(f) == 3 && f[0] == "cvta.to.global.u64" &&
			regexp.MustCompile(f[1]+`\b`).ReplaceAllString(m.Was, f[2]) == m.Now {
			return true
		}
	}
	return false
}

// justCopied reports whether the register that a mutant reads is the one that the right register was copied
// from, since when nothing can have changed either.
func justCopied(m mutate.Mutant) bool {
	lines := strings.Split(m.Text(), "\n")
	for i := m.Line - 2; i >= 0 && !strings.HasSuffix(lines[i], ":"); i-- {
		f := operands(lines[i])
		if len(f) == 3 && strings.HasPrefix(f[0], "mov.") &&
			regexp.MustCompile(f[1]+`\b`).ReplaceAllString(m.Was, f[2]) == m.Now {
			return true
		}
	}
	return false
}

var punctuation = strings.NewReplacer(",", "", ";", "")

// operands are the words of a line: the instruction, and what it works on.
func operands(line string) []string { return strings.Fields(punctuation.Replace(line)) }

// detect runs a check with another text for one kernel.
func detect(c check, clean *rig, name, text string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	r := newRig()
	for t, m := range clean.modules {
		r.modules[t] = m
	}
	original := r.text
	r.text = func(k Kernel) (string, error) {
		if k.Name == name {
			return text, nil
		}
		return original(k)
	}
	return c.run(r)
}
