package datasets_test

import (
	"fmt"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
)

func ExampleBuildVocab() {
	lines := []string{"low low lower", "newest newest widest", "low new wide"}
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.BPE, Size: 26}, slices.Values(lines))
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, unknown := v.EncodeLine("newer, lowest")
	for _, t := range tokens {
		fmt.Print(v.Name(t), " ")
	}
	fmt.Println(unknown)
	fmt.Println(v.Decode(tokens))
	// Output:
	// ▁new e r <unk> ▁low est 1
	// newer� lowest
}
