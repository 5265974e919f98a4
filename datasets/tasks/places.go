package tasks

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// TaggedTasks are the names of the tasks on sentences whose words have tags, which Tagged knows.
var TaggedTasks = []string{"places"}

// Tagged makes the sentences of a task: no sentence to train on is among those to measure on.
//
//	places      Mina  Toldal lives in North Erberg .      names of people and of places that are made up, as BIO tags mark them:
//	            B-PER I-PER  O     O  B-LOC I-LOC  O      most are in no other sentence, and parts of both are alike
func Tagged(task string, c Config) (train, valid *datasets.Tagged, err error) {
	switch {
	case c.Train < 1 || c.Valid < 1:
		return nil, nil, fmt.Errorf("%d sentences to train on and %d to measure on: there must be at least one of each",
			c.Train, c.Valid)
	case task != TaggedTasks[0]:
		return nil, nil, fmt.Errorf("there is no task %q; the tasks are %s", task, strings.Join(TaggedTasks, ", "))
	}
	random := rand.New(rand.NewPCG(c.Seed, 1))
	seen := map[string]bool{}
	var all []datasets.Sentence
	for len(all) < c.Train+c.Valid {
		s := place(random)
		if text := s.Text(); !seen[text] {
			seen[text] = true
			all = append(all, s)
		}
	}
	if valid, err = datasets.NewTagged("task "+task+", validation", all[:c.Valid]); err != nil {
		return nil, nil, err
	}
	train, err = datasets.NewTagged("task "+task, all[c.Valid:])
	return train, valid, err
}

// What sentences and names of the task places are made of.
var (
	placeSentences = []string{
		"PER lives in LOC .", "in LOC PER sells bread .", "PER and PER walked from LOC to LOC .", "LOC is north of LOC .",
		"the mayor of LOC met PER .", "when PER left LOC , PER stayed .", "LOC and LOC are old .", "PER of LOC wrote to PER .",
		"does PER know LOC ?", "nobody in LOC has seen PER .", "PER bought a house near LOC .", "they call PER the king of LOC .",
	}
	onsets     = strings.Fields("b d f g h k l m n p r s t v br dr gr kl st tr")
	vowels     = strings.Fields("a e i o u ai ei ou")
	codas      = strings.Fields("l m n r s t ld rn nd")
	firstEnds  = strings.Fields("a o e in us")
	familyEnds = strings.Fields("son sen er berg dal") // berg and dal end places, too
	placeEnds  = strings.Fields("berg dal ton stad wick")
	placeKinds = strings.Fields("North South Old Port Saint")
)

// place draws a sentence.
func place(random *rand.Rand) (s datasets.Sentence) {
	one := func(of []string) string { return of[random.IntN(len(of))] }
	name := func(ends []string) string {
		word := one(onsets) + one(vowels)
		if random.IntN(2) == 0 {
			word += one(codas)
		}
		word += one(ends)
		return strings.ToUpper(word[:1]) + word[1:]
	}
	mark := func(kind string, words ...string) {
		for i, word := range words {
			letter := "I-"
			if i == 0 {
				letter = "B-"
			}
			s.Words, s.Tags = append(s.Words, word), append(s.Tags, letter+kind)
		}
	}
	for _, word := range strings.Fields(one(placeSentences)) {
		switch {
		case word == "PER" && random.IntN(3) > 0:
			mark("PER", name(firstEnds), name(familyEnds))
		case word == "PER":
			mark("PER", name(familyEnds))
		case word == "LOC" && random.IntN(3) == 0:
			mark("LOC", one(placeKinds), name(placeEnds))
		case word == "LOC":
			mark("LOC", name(placeEnds))
		default:
			s.Words, s.Tags = append(s.Words, word), append(s.Tags, "O")
		}
	}
	return s
}
