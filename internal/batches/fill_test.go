package batches

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/datasets"
)

func TestClassificationFill(t *testing.T) {
	c := &Classification{Sequences: [][]int32{{5, 6}, {7}, {8, 9, 10}}, Classes: []int32{2, 0, 1}}
	got, err := c.Fill(Group{Shape{Source: 3}, []int32{2, 0, -1}})
	if err != nil {
		t.Fatal(err)
	}
	want := &Labelled{
		Group:   got.Group,
		Tokens:  []int32{8, 5, 0, 9, 6, 0, 10, 0, 0},
		Mask:    []float32{1, 1, 0, 1, 1, 0, 1, 0, 0},
		Classes: []int32{1, 2, 0},
		Weights: []float32{1, 1, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func vocab(t interface{ Fatal(...any) }, texts ...string) *datasets.Vocab {
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Char}, slices.Values(texts))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSeq2SeqFill(t *testing.T) {
	pairs := datasets.NewPairs("x", []datasets.Pair{{Source: "ab", Target: "x"}, {Source: "?", Target: "yxy"}})
	s, err := NewSeq2Seq(pairs, vocab(t, "ab"), vocab(t, "xy"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l, _ := s.Length(1); l != (Shape{2, 4}) {
		t.Errorf("length %v", l)
	}
	var sum Counts
	for i := range int32(2) {
		c, err := s.Count(i)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(c)
	}
	if want := (Counts{Tokens: [2]int{3, 4}, Unknown: [2]int{1, 0}}); sum != want {
		t.Errorf("counts %+v, want %+v", sum, want)
	}
	got, err := s.Fill(Group{Shape{3, 4}, []int32{1, 0, -1}})
	if err != nil {
		t.Fatal(err)
	}
	const a, b, x, y, end, unknown = 4, 5, 4, 5, datasets.End, datasets.Unknown
	want := &Paired{
		Group:   got.Group,
		Sources: []int32{unknown, a, end, end, b, 0, 0, end, 0},
		Targets: []int32{y, x, 0, x, end, 0, y, 0, 0, end, 0, 0},
		Tokens:  6 + 6,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is in a batch is the pairs, whether they are kept in memory or not.
func TestSeq2SeqBatchesHoldThePairs(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 1, 9, -1)
		var list []datasets.Pair
		for range rapid.IntRange(1, 30).Draw(t, "pairs") {
			list = append(list, datasets.Pair{Source: word.Draw(t, "source"), Target: word.Draw(t, "target")})
		}
		v := vocab(t, "abc")
		cached, err := NewSeq2Seq(datasets.NewPairs("x", list), v, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		read, err := NewSeq2Seq(opened(t, dir, list), v, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer read.pairs.Close()
		p, err := NewPlan(Config{Batch: 4, Buckets: 3}, iota32(len(list)), read.Length)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range p.Epoch(1, 1) {
			batch, err := cached.Fill(g)
			if err != nil {
				t.Fatal(err)
			}
			again, err := read.Fill(g)
			if diff := cmp.Diff(batch, again); diff != "" || err != nil {
				t.Fatal(diff, err)
			}
			for b, i := range g.Examples {
				of := func(tokens []int32) (row []int32) {
					for at := b; at < len(tokens); at += len(g.Examples) {
						row = append(row, tokens[at])
					}
					return row
				}
				want := datasets.Pair{}
				if i >= 0 {
					want = list[i]
				}
				if got := (datasets.Pair{Source: v.Decode(of(batch.Sources)), Target: v.Decode(of(batch.Targets))}); got != want {
					t.Fatalf("got %v, want %v", got, want)
				}
			}
		}
	})
}

// opened are pairs that stay on the disk.
func opened(t interface{ Fatal(...any) }, dir string, list []datasets.Pair) *datasets.Pairs {
	path := filepath.Join(dir, "x.tsv")
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.Source + "\t" + p.Target + "\n")
	}
	err := os.WriteFile(path, []byte(b.String()), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := datasets.OpenPairs(path, datasets.Format{Header: "no"})
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// A pair that is longer than when its batch was planned, because its file has changed, is an error, not a crash.
func TestSeq2SeqOfAFileThatChanges(t *testing.T) {
	v := vocab(t, "abc")
	s, err := NewSeq2Seq(datasets.NewPairs("x.tsv", []datasets.Pair{{Source: "abc", Target: "ab"}}), v, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range []Shape{{3, 3}, {4, 2}} {
		_, err := s.Fill(Group{shape, []int32{0}})
		var e *datasets.Error
		if !errors.As(err, &e) || e.File != "x.tsv" {
			t.Errorf("%v: got %v", shape, err)
		}
	}
}
