package doors

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/internal/batches"
)

func text(t *testing.T) *datasets.Text {
	t.Helper()
	x, err := datasets.NewText("text", strings.Repeat("a few words.\n", 9))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func vocab(t *testing.T) *datasets.Vocab {
	t.Helper()
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Char, Least: 1}, slices.Values([]string{"abc xyz"}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// tokensOn is the tokens of a text on the disk, and a file that holds them.
func tokensOn(t *testing.T) (*datasets.Encoded, *os.File) {
	t.Helper()
	text, err := datasets.OpenText(file(t, "long.txt", strings.Repeat("a few words.\n", 9)))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := datasets.NewVocab(text).Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create("tokens")
	if err != nil {
		t.Fatal(err)
	}
	x := tokens.(*datasets.Encoded)
	t.Cleanup(func() { x.Close(); f.Close(); text.Close() })
	if err := x.Write(context.Background(), f); err != nil {
		t.Fatal(err)
	}
	return x, f
}

func table(t *testing.T) *datasets.Table {
	t.Helper()
	x, err := datasets.ReadTable(file(t, "table.tsv", "abc\tone\nxyz\ttwo\n"), datasets.Format{})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func somePairs() *datasets.Pairs {
	return datasets.NewPairs("pairs", []datasets.Pair{{Source: "abc", Target: "xyz"}, {Source: "b", Target: "yy"}})
}

// noTokens are files of tokens that cannot be had.
type noTokens struct{}

func (noTokens) Kept() (*os.File, error)           { return nil, os.ErrNotExist }
func (noTokens) Scratch() (*os.File, int64, error) { return nil, 0, os.ErrNotExist }

func encodedPairs(t *testing.T) *datasets.EncodedPairs {
	t.Helper()
	x, err := datasets.EncodePairs(somePairs(), vocab(t), vocab(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// windows tries the Fill of windows of tokens.
func windows[W any](t *testing.T, make func() (W, error)) W {
	t.Helper()
	w, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// idx writes two images of 2×3 pixels with their labels.
func idx(t *testing.T) (images, labels string) {
	t.Helper()
	return file(t, "images",
			"\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x03"+strings.Repeat("\x07", 12)),
		file(t, "labels", "\x00\x00\x08\x01\x00\x00\x00\x02\x00\x01")
}

func pictures(t *testing.T) *datasets.Images {
	t.Helper()
	m, err := datasets.ReadIDX(idx(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func init() {
	tokens := datasets.Slice(inputs)
	six, mask := func() []int32 { return make([]int32, 6) }, func() []float32 { return make([]float32, 6) }
	doors = append(doors, door{"datasets", map[string]func(t *testing.T) call{
		"Division.Split": func(*testing.T) call {
			return call{datasets.Division.Split, []any{datasets.Division{Name: "x", Len: 10, Part: 0.2, Seed: 1}}}
		},
		"Form.Check":            func(*testing.T) call { return call{datasets.Form.Check, []any{datasets.Form("")}} },
		"Format.Check":          func(*testing.T) call { return call{datasets.Format.Check, []any{datasets.Format{}}} },
		"NewWindows":            func(*testing.T) call { return call{datasets.NewWindows, []any{tokens, 2, 2}} },
		"NewEvalWindows":        func(*testing.T) call { return call{datasets.NewEvalWindows, []any{tokens, 2, 2}} },
		"NewSlidingWindows":     func(*testing.T) call { return call{datasets.NewSlidingWindows, []any{tokens, 2, 2, 1, uint64(1)}} },
		"NewSlidingEvalWindows": func(*testing.T) call { return call{datasets.NewSlidingEvalWindows, []any{tokens, 2, 2, 1}} },
		"Windows.Fill": func(t *testing.T) call {
			w := windows(t, func() (*datasets.Windows, error) { return datasets.NewWindows(append(tokens, tokens...), 2, 3) })
			return call{w.Fill, []any{0, six(), six()}}
		},
		"EvalWindows.Fill": func(t *testing.T) call {
			w := windows(t, func() (*datasets.EvalWindows, error) { return datasets.NewEvalWindows(tokens, 2, 3) })
			return call{w.Fill, []any{0, six(), six(), mask()}}
		},
		"SlidingWindows.Fill": func(t *testing.T) call {
			w := windows(t, func() (*datasets.SlidingWindows, error) {
				return datasets.NewSlidingWindows(append(tokens, tokens...), 2, 3, 1, 1)
			})
			return call{w.Fill, []any{0, six(), six()}}
		},
		"SlidingEvalWindows.Fill": func(t *testing.T) call {
			w := windows(t, func() (*datasets.SlidingEvalWindows, error) {
				return datasets.NewSlidingEvalWindows(append(tokens, tokens...), 2, 3, 1)
			})
			return call{w.Fill, []any{0, six(), six(), mask()}}
		},
		"Slice.Read": func(*testing.T) call { return call{tokens.Read, []any{1, make([]int32, 2)}} },
		"Encoded.Read": func(t *testing.T) call {
			x, _ := tokensOn(t)
			return call{x.Read, []any{1, make([]int32, 2)}}
		},
		"Encoded.Write": func(t *testing.T) call {
			x, _ := tokensOn(t)
			return call{x.Write, []any{context.Background(), io.Discard}}
		},
		"Encoded.Use": func(t *testing.T) call { x, f := tokensOn(t); return call{x.Use, []any{f}} },
		"OpenText":    func(t *testing.T) call { return call{datasets.OpenText, []any{file(t, "text.txt", "abc\n")}} },
		"ReadIDX":     func(t *testing.T) call { i, l := idx(t); return call{datasets.ReadIDX, []any{i, l}} },
		"ReadIDXImages": func(t *testing.T) call {
			i, _ := idx(t)
			return call{datasets.ReadIDXImages, []any{i, datasets.Format{}}}
		},
		"Images.Classes": func(t *testing.T) call { m := pictures(t); return call{m.Classes, []any{m.Labels()}} },
		"ReadIDXFolder": func(t *testing.T) call {
			for _, part := range []string{"train", "t10k"} {
				i, l := idx(t)
				for from, to := range map[string]string{i: part + "-images-idx3-ubyte", l: part + "-labels-idx1-ubyte"} {
					if err := os.Rename(from, to); err != nil {
						t.Fatal(err)
					}
				}
			}
			return call{datasets.ReadIDXFolder, []any{".", datasets.Format{}}}
		},
		"ReadLabels": func(t *testing.T) call {
			return call{datasets.ReadLabels,
				[]any{file(t, "labels.json", string(datasets.NewLabels([]string{"a", "b"}).JSON()))}}
		},
		"Lines.Read": func(*testing.T) call { return call{datasets.NewLines("x", strings.NewReader("a\nb\n")).Read, nil} },
		"ReadFile":   func(t *testing.T) call { return call{datasets.ReadFile, []any{file(t, "x.txt", "some text\n")}} },
		"Records.Read": func(*testing.T) call {
			return call{func(data []byte, delimiter rune, max int) error {
				_, _, err := datasets.NewRecords("x", data, delimiter, max).Read()
				return err
			}, []any{[]byte("a,b\n"), ',', 100}}
		},
		"OpenPairs": func(t *testing.T) call {
			return call{datasets.OpenPairs, []any{file(t, "p.tsv", "a\tb\nc\td\n"), datasets.Format{}}}
		},
		"EncodePairs": func(t *testing.T) call {
			return call{datasets.EncodePairs, []any{somePairs(), vocab(t), vocab(t), noTokens{}}}
		},
		"EncodedPairs.Tokens": func(t *testing.T) call { return call{encodedPairs(t).Tokens, []any{1}} },
		"EncodedPairs.Write": func(t *testing.T) call {
			return call{encodedPairs(t).Write, []any{context.Background(), io.Discard}}
		},
		"EncodedPairs.Use": func(t *testing.T) call {
			x := encodedPairs(t)
			f, err := os.Create("pairs")
			if err == nil {
				err = x.Write(context.Background(), f)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { x.Close(); f.Close() })
			return call{x.Use, []any{f}}
		},
		"ReadPairs": func(t *testing.T) call {
			return call{datasets.ReadPairs, []any{file(t, "p.tsv", "a\tb\nc\td\n"), datasets.Format{}}}
		},
		"ReadParallel": func(t *testing.T) call {
			return call{datasets.ReadParallel, []any{file(t, "s", "a\nb\n"), file(t, "t", "c\nd\n"), false}}
		},
		"Pairs.Pair":    func(*testing.T) call { return call{somePairs().Pair, []any{1}} },
		"Pairs.Sources": func(*testing.T) call { return call{somePairs().Sources, []any{1}} },
		"ReadTable": func(t *testing.T) call {
			return call{datasets.ReadTable, []any{file(t, "t.tsv", "a\tb\nc\td\n"), datasets.Format{}}}
		},
		"ReadFolder": func(t *testing.T) call {
			if err := os.Mkdir("d", 0o700); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
			file(t, "d/one.txt", "a\nb\n")
			file(t, "d/two.txt", "c\n")
			return call{datasets.ReadFolder, []any{"d", datasets.Format{}}}
		},
		"Table.Labels": func(t *testing.T) call { return call{table(t).Labels, nil} },
		"Table.Classes": func(t *testing.T) call {
			x := table(t)
			l, err := x.Labels()
			if err != nil {
				t.Fatal(err)
			}
			return call{x.Classes, []any{l}}
		},
		"NewText":       func(*testing.T) call { return call{datasets.NewText, []any{"x", "some text"}} },
		"ReadText":      func(t *testing.T) call { return call{datasets.ReadText, []any{file(t, "x.txt", "some text\n")}} },
		"Text.Cut":      func(t *testing.T) call { return call{text(t).Cut, []any{false, []int{20, 40}}} },
		"Text.Position": func(t *testing.T) call { return call{text(t).Position, []any{20}} },
		"BuildVocab": func(*testing.T) call {
			return call{datasets.BuildVocab, []any{datasets.VocabConfig{Kind: datasets.BPE, Least: 1, Size: 20},
				slices.Values([]string{"a few words"})}}
		},
		"VectorSize": func(t *testing.T) call { return call{datasets.VectorSize, []any{file(t, "v.txt", "a 1 2\n")}} },
		"ReadVectors": func(t *testing.T) call {
			return call{datasets.ReadVectors, []any{file(t, "v.txt", "a 1 2\n"), vocab(t)}}
		},
		"Vectors.Into": func(*testing.T) call {
			x := &datasets.Vectors{Size: 2, Rows: [][]float32{{1, 2}, nil}}
			return call{x.Into, []any{make([]float32, 4)}}
		},
		"ReadVocab": func(t *testing.T) call {
			return call{datasets.ReadVocab, []any{file(t, "vocab.json", string(vocab(t).JSON()))}}
		},
		"ReadTokenList": func(t *testing.T) call {
			return call{datasets.ReadTokenList, []any{file(t, "tokens.txt", "a\nb\n"), datasets.Char}}
		},
		"Vocab.Encode": func(t *testing.T) call { x := text(t); return call{datasets.NewVocab(x).Encode, []any{x}} },
		"Vocab.EncodeKept": func(t *testing.T) call {
			x := text(t)
			return call{datasets.NewVocab(x).EncodeKept, []any{x, noTokens{}}}
		},
		"Vocab.EncodeKnown": func(t *testing.T) call { x := text(t); return call{datasets.NewVocab(x).EncodeKnown, []any{x}} },
	}}, door{"internal/batches", map[string]func(t *testing.T) call{
		"Classification.Fill": func(*testing.T) call {
			return call{func(c batches.Classification, g batches.Group) error { _, err := c.Fill(g); return err },
				[]any{examples(), batches.Group{Shape: batches.Shape{Source: 3}, Examples: []int32{1, 0, -1}}}}
		},
		"Classification.Length": func(*testing.T) call { c := examples(); return call{c.Length, []any{int32(1)}} },
		"Feed.Next": func(*testing.T) call {
			return call{func(fill func(int) (int, error)) error {
				f := batches.NewFeed(0, fill)
				defer f.Close()
				_, err := f.Next()
				return err
			}, []any{func(step int) (int, error) { return step, nil }}}
		},
		"NewPlan": func(*testing.T) call {
			c := examples()
			return call{batches.NewPlan, []any{batches.Config{Batch: 2, Buckets: 1, Longest: batches.Shape{Source: 5}},
				[]int32{0, 1}, c.Length}}
		},
		"NewSeq2Seq": func(t *testing.T) call {
			return call{batches.NewSeq2Seq, []any{somePairs(), vocab(t), vocab(t), noTokens{}}}
		},
		"Seq2Seq.Target": func(t *testing.T) call { return call{encoded(t).Target, []any{int32(1)}} },
		"Seq2Seq.Count":  func(t *testing.T) call { return call{encoded(t).Count, []any{int32(1)}} },
		"Seq2Seq.Length": func(t *testing.T) call { return call{encoded(t).Length, []any{int32(1)}} },
		"Seq2Seq.Fill": func(t *testing.T) call {
			return call{encoded(t).Fill, []any{batches.Group{Shape: batches.Shape{Source: 4, Target: 4},
				Examples: []int32{1, 0, -1}}}}
		},
	}}, door{"datasets/series", map[string]func(t *testing.T) call{
		"NewCalendar": func(*testing.T) call { return call{series.NewCalendar, []any{[]string{"hour", "month"}, false}} },
		"Calendar.At": func(*testing.T) call {
			return call{func(start time.Time, step series.Step, n int) error {
				c, err := series.NewCalendar(series.CalendarNames(), false)
				if err != nil {
					return err
				}
				_, err = c.At(start, step, n)
				return err
			}, []any{time.Unix(0, 0), series.Step{Seconds: 3600}, 3}}
		},
		"Origins":       func(*testing.T) call { return call{series.Origins, []any{10, 3, 2, 1, 1}} },
		"Options.Check": func(*testing.T) call { return call{series.Options.Check, []any{series.Options{}}} },
		"ParseStep":     func(*testing.T) call { return call{series.ParseStep, []any{"hourly"}} },
		"Read": func(t *testing.T) call {
			return call{series.Read, []any{file(t, "x.csv", "a,1,2\nb,3,4\n"), series.Options{}}}
		},
		"ReadCases": func(t *testing.T) call {
			return call{series.ReadCases, []any{file(t, "x.tsv", "a\t1\t2\nb\t3\t4\n"), series.Options{}}}
		},
	}}, door{"datasets/tasks", map[string]func(t *testing.T) call{
		"Pairs": func(*testing.T) call {
			return call{tasks.Pairs, []any{"dates", tasks.Config{Seed: 1, Train: 5, Valid: 2}}}
		},
	}})
}

func examples() batches.Classification {
	return batches.Classification{Sequences: [][]int32{{1, 2}, {3}}, Classes: []int32{0, 1}}
}

func encoded(t *testing.T) *batches.Seq2Seq {
	t.Helper()
	s, err := batches.NewSeq2Seq(somePairs(), vocab(t), vocab(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
