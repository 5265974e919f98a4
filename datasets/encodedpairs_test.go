package datasets

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// somePairs is a file of more pairs than a stretch, of words w0 to w29, and their vocabularies: that of the targets has
// more tokens than fit a byte.
func somePairs(t *testing.T) (path string, source, target *Vocab) {
	t.Helper()
	var b, targets strings.Builder
	for i := range 3*stretch + 5 {
		fmt.Fprintf(&b, "w%d w%d w%d%s\tv%d v%d\n", i%30, i*i%30, i%7, strings.Repeat(" w1", i%4), i, i%11)
		fmt.Fprintf(&targets, "v%d v%d ", i, i+200)
	}
	words := VocabConfig{Kind: Word}
	return write(t, "pairs.tsv", []byte(b.String())), build(t, VocabConfig{Kind: BPE, Size: 40}, b.String()),
		build(t, words, targets.String())
}

// openedPairs are pairs, in memory or on the disk.
func openedPairs(t *testing.T, path string, hold int64) *Pairs {
	t.Helper()
	p, err := readPairs(path, Format{Header: "no"}, hold)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func encodedPairs(t *testing.T, p *Pairs, source, target *Vocab) *EncodedPairs {
	t.Helper()
	x, err := EncodePairs(p, source, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// pairTokens asks for pairs that a function chooses; nil: all.
func pairTokens(t *testing.T, x *EncodedPairs, which func(i int) bool) (all [][2][]int32) {
	t.Helper()
	for i := range x.Len() {
		if which != nil && !which(i) {
			continue
		}
		tokens, err := x.Tokens(i)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tokens)
	}
	return all
}

// The tokens of pairs are the same in memory, from the disk, and from a file that has those of the pairs that were asked
// for before it was written; the others are encoded.
func TestPairsFromTokens(t *testing.T) {
	path, source, target := somePairs(t)
	want := pairTokens(t, encodedPairs(t, openedPairs(t, path, MaxHeldBytes), source, target), nil)
	for name, asked := range map[string]func(int) bool{
		"all": nil, "some": func(i int) bool { return i%3 != 1 }, "none": func(int) bool { return false },
	} {
		pairs := openedPairs(t, path, 0)
		x := encodedPairs(t, pairs, source, target)
		pairTokens(t, x, asked)
		file := tokensWritten(t, x)
		n := 0
		for i, tokens := range want {
			if asked == nil || asked(i) {
				n += len(tokens[0]) + len(tokens[1])
			}
		}
		if len(file) != len(tokenMark)+64+2*n+8*len(want) {
			t.Errorf("%s: %d bytes for %d tokens", name, len(file), n)
		}
		tokens, err := uses(t, x, file)
		if err != nil {
			t.Fatal(err)
		}
		if asked == nil {
			pairs.Close() // nothing is read from them
		}
		for range 2 {
			if got := pairTokens(t, x, nil); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
		if x.file == nil {
			t.Errorf("%s: the file of tokens is not used", name)
		}
		if name == "some" {
			if err := os.Truncate(tokens, int64(len(file)/2)); err != nil {
				t.Fatal(err)
			}
			if got := pairTokens(t, x, nil); !reflect.DeepEqual(got, want) || x.file != nil {
				t.Error("damaged in use: other tokens, or the file is still used")
			}
		}
	}
}

// A file of other tokens is not used.
func TestOtherTokensOfPairs(t *testing.T) {
	path, source, target := somePairs(t)
	on := func(path string, source, target *Vocab, asked func(int) bool) *EncodedPairs {
		x := encodedPairs(t, openedPairs(t, path, 0), source, target)
		pairTokens(t, x, asked)
		return x
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := on(path, source, target, nil)
	file := tokensWritten(t, x)
	damaged := bytes.Clone(file)
	damaged[len(file)/2] ^= 1
	swapped := build(t, VocabConfig{Kind: Word}, strings.Repeat("v7 ", 2)+"v8")
	for name, data := range map[string][]byte{
		"other pairs":            tokensWritten(t, on(write(t, "x", bytes.ReplaceAll(text, []byte("w2"), []byte("w3"))), source, target, nil)),
		"another vocabulary":     tokensWritten(t, on(path, source, swapped, nil)),
		"vocabularies exchanged": tokensWritten(t, on(path, target, source, nil)),
		"a damaged byte":         damaged,
		"nothing":                nil,
	} {
		if _, err := uses(t, x, data); !errors.Is(err, ErrOtherTokens) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := x.Write(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := x.Write(context.Background(), &bytes.Buffer{}); !errors.As(err, &e) {
		t.Errorf("of a file that has changed: %v", err)
	}
}
