package attention

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models/decode"
)

// However many sentences are drawn, one is in memory, and the page is cut at the budget.
func TestPageMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	vocab := datasets.NewVocab(datasets.Builtin())
	page, err := NewPage("look.html", vocab, vocab, translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	const size = 100
	line := translate.Translation{Hypothesis: decode.Hypothesis{Tokens: make([]int32, size),
		Weights: make([][]float64, size)}}
	for i := range line.Weights {
		line.Weights[i] = make([]float64, size)
	}
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	const fit = Cells / (size * size)
	for i := range fit + 3 {
		if err := page.Add(i+1, "line", make([]int32, size), line); err != nil {
			t.Fatal(err)
		}
	}
	if after := used(); after > before+1<<20 {
		t.Errorf("%d sentences take %d bytes", fit, after-before)
	}
	if err := page.Write("run", "gru of 4 units"); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile("look.html")
	if err != nil {
		t.Fatal(err)
	}
	got := string(written)
	if n := strings.Count(got, "<section id="); n != fit ||
		!strings.Contains(got, "The first 50 lines are drawn, 3 more were translated.") {
		t.Errorf("%d sentences are drawn, want %d", n, fit)
	}
	page.Close()
	if left, _ := filepath.Glob(".drawn-*"); left != nil {
		t.Errorf("%v are left", left)
	}
}

// Tokens are words, of which the columns are headed from below, if one takes more than two columns of letters.
func TestLongTokens(t *testing.T) {
	for text, want := range map[string]bool{"a bc": false, "a bcd": true, "日 語": false, "日 本語": true,
		"e\u0301\u0302t\u0301 x": false} {
		v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Word}, slices.Values([]string{text}))
		if err != nil {
			t.Fatal(err)
		}
		s := sentence{}
		tokens, _ := v.EncodeLine(text)
		if s.draw(&Page{source: v, target: v}, tokens, translate.Translation{}); s.Words != want {
			t.Errorf("%q: %v, want %v", text, s.Words, want)
		}
	}
}
