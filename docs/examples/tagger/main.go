// Tagger trains a tagger on sentences of which each word has a tag, opens the run again, and tags sentences: whole
// ones, and word by word as they come, with the state of the model carried.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/run"
)

// sentences say which thing is in which place; the names of both occur a few times at most.
func sentences() *datasets.Tagged {
	var all []datasets.Sentence
	for i := range 400 {
		thing, place := fmt.Sprintf("%sle%d", []string{"tab", "cand", "bott"}[i%3], i/3), fmt.Sprintf("%som%d",
			[]string{"ro", "gl", "bl"}[i%3], i/5)
		all = append(all, datasets.Sentence{
			Words: strings.Fields(fmt.Sprintf("the %s is in the %s", thing, place)),
			Tags:  []string{"O", "B-THING", "O", "O", "O", "B-PLACE"},
		})
	}
	data, err := datasets.NewTagged("things", all) // those of a file: datasets.ReadTagged
	check(err)
	return data
}

func main() {
	const dir = "runs/things"
	c := run.Defaults(run.TaskTag)
	c.Model.Cell, c.Model.Hidden, c.Model.Embed, c.Training.Epochs = "gru", 24, 16, 4
	c.Model.Tag.CharEmbed, c.Model.Tag.CharHidden, c.Model.Tag.Letters = 8, 12, 12
	c.Model.Bidirectional = false // so that it can be fed word by word; Model.Tag.CRF would want whole sentences, too
	task, err := run.NewTagger(c, sentences(), nil)
	check(err)
	defer task.Close()
	_, err = run.Train(context.Background(), dir, task, run.Options{Report: run.Lines(os.Stdout), LogEvery: 20})
	check(err)

	r, err := run.Open(dir)
	check(err)
	m, err := r.Tagger()
	check(err)
	defer m.Close()
	words := strings.Fields("the candle9999 is in the bloom9999") // neither name was seen
	tags, err := m.Tag(context.Background(), [][]string{words})
	check(err)
	fmt.Println("a sentence: ", tags[0])

	stream, err := m.Stream()
	check(err)
	defer stream.Close()
	for _, word := range words {
		tag, err := stream.Next(word)
		check(err)
		fmt.Printf("%s\t%s\t%.2f\n", word, tag.Name, tag.Probability)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
