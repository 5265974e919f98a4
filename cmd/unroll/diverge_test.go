package main

import (
	"strings"
	"testing"
)

// A loss that is finite and far above where it began is not the best so far, and a run that ends with it has diverged.
func TestFiniteDivergence(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(100))
	const flags = "train lm --text rhyme.txt --batch 4 --seq 20 --hidden 8 --layers 1 --embed 4 --threads 1 --device " +
		"cpu --optimizer sgd --clip 1 --steps 6 --valid-every 3 --out run --lr "
	r := unroll(strings.Fields(flags + "1e6")...)
	if r.code != exitDiverged || strings.Contains(r.stdout, "best so far") {
		t.Errorf("%d, %s%s", r.code, r.stdout, r.stderr)
	}
	for _, says := range []string{
		"unroll: the validation loss after step 3 is more than 100 times the loss at the start: the training diverges, try a smaller --lr\n",
		"unroll: diverged at step 6: the validation loss is more than 100 times the loss at the start; no checkpoint is good: try a smaller --lr (it is 1e+06)\n",
	} {
		if !strings.Contains(r.stderr, says) {
			t.Errorf("%s lacks %s", r.stderr, says)
		}
	}
	must(t, strings.Fields(flags+"0.1 --overwrite")...)
}
