package tasks

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/trainer/metrics"
)

// The sentences are the same in every version: what runs on them say can be compared.
func TestPlaces(t *testing.T) {
	train, valid, err := Tagged("places", Config{Seed: 1, Train: 300, Valid: 40})
	if err != nil {
		t.Fatal(err)
	}
	if len(train.Sentences) != 300 || len(valid.Sentences) != 40 {
		t.Fatalf("%d and %d sentences", len(train.Sentences), len(valid.Sentences))
	}
	var got []string
	for _, s := range valid.Sentences[:3] {
		got = append(got, s.Text(), strings.Join(s.Tags, " "))
	}
	if diff := cmp.Diff(firstPlaces, got); diff != "" {
		t.Error(diff)
	}
	known := map[string]bool{}
	for _, s := range train.Sentences {
		known[s.Text()] = true
	}
	for _, s := range valid.Sentences {
		if known[s.Text()] {
			t.Errorf("%q is also to train on", s.Text())
		}
		words := strings.Fields(s.Text())
		for _, c := range metrics.Chunks(s.Tags) {
			for _, word := range words[c.From:c.To] {
				if word[0] < 'A' || word[0] > 'Z' {
					t.Errorf("%q is a part of a name", word)
				}
			}
		}
	}
	for _, c := range []Config{{Train: 0, Valid: 1}, {Train: 1}} {
		if _, _, err := Tagged("places", c); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
	if _, _, err := Tagged("towns", Config{Train: 1, Valid: 1}); err == nil {
		t.Error("another task is accepted")
	}
}

var firstPlaces = []string{
	"they call Kludal the king of Forwick .", "O O B-PER O O O B-LOC O",
	"the mayor of Bamdal met Kuson .", "O O O B-LOC O B-PER O",
	"the mayor of Stoberg met Butin Lemsen .", "O O O B-LOC O B-PER I-PER O",
}
