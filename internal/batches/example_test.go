package batches_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
)

// Pairs of texts as batches: similar lengths go together, and each batch is filled while the one before is in use.
func ExamplePlan() {
	pairs := datasets.NewPairs("numbers", []datasets.Pair{
		{Source: "one", Target: "1"}, {Source: "two hundred", Target: "200"},
		{Source: "six", Target: "6"}, {Source: "nine thousand", Target: "9000"},
	})
	texts := func(side func(datasets.Pair) string) *datasets.Vocab {
		var all []string
		for i := range pairs.Len() {
			p, err := pairs.Pair(i)
			check(err)
			all = append(all, side(p))
		}
		v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Char}, slices.Values(all))
		check(err)
		return v
	}
	source := texts(func(p datasets.Pair) string { return p.Source })
	target := texts(func(p datasets.Pair) string { return p.Target })

	data, err := batches.NewSeq2Seq(pairs, source, target, nil)
	check(err)
	plan, err := batches.NewPlan(batches.Config{Batch: 2}, []int32{0, 1, 2, 3}, data.Length)
	check(err)
	group := plan.Steps(1) // the seed of the order: the step alone says which batch it is
	feed := batches.NewFeed(0, func(step int) (*batches.Paired, error) { return data.Fill(group(step)) })
	defer feed.Close()
	for range plan.Len() {
		b, err := feed.Next()
		check(err)
		rows := len(b.Examples)
		fmt.Printf("sources %d×%d, targets %d×%d, tokens %d:", b.Source, rows, b.Target, rows, b.Tokens)
		for row := range rows {
			var tokens []int32 // of this example: one of each step
			for t := range b.Target {
				tokens = append(tokens, b.Targets[t*rows+row])
			}
			fmt.Printf(" %s", target.Decode(tokens))
		}
		fmt.Println()
	}
	// Output:
	// sources 14×2, targets 5×2, tokens 35: 200 9000
	// sources 4×2, targets 2×2, tokens 12: 1 6
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
