package datasets

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func build(t testing.TB, c VocabConfig, texts ...string) *Vocab {
	t.Helper()
	v, err := BuildVocab(c, slices.Values(texts))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func names(v *Vocab, tokens []int32) string {
	var s []string
	for _, t := range tokens {
		s = append(s, v.Name(t))
	}
	return strings.Join(s, " ")
}

func TestBuildVocab(t *testing.T) {
	const special = "<pad> <unk> <s> </s> "
	for _, c := range []struct {
		name   string
		config VocabConfig
		texts  []string
		want   string
	}{
		{"characters", VocabConfig{Kind: Char}, []string{"banana", "bin"}, special + "a b i n"},
		{"frequent characters", VocabConfig{Kind: Char, Least: 2}, []string{"banana", "bin"}, special + "a b n"},
		{"the most frequent characters", VocabConfig{Kind: Char, Size: 6}, []string{"banana", "bin"}, special + "a n"},
		{"words by count", VocabConfig{Kind: Word}, []string{"to be or not", "to  be\tto", " be is", "not"}, special + "be to not is or"},
		{"frequent words", VocabConfig{Kind: Word, Least: 3}, []string{"to be or not to", "to be be"}, special + "be to"},
		{"the most frequent words", VocabConfig{Kind: Word, Size: 6}, []string{"b a b c a"}, special + "a b"},
		{"line breaks are words", VocabConfig{Kind: Word}, []string{"a b\n\nc\n"}, special + "\n a b c"},
		{"reserved names are words", VocabConfig{Kind: Word}, []string{"a <unk> <unk> </s> <pad> <s>"}, special + "<unk> </s> <pad> <s> a"},
		{"<unk> is unknown", VocabConfig{Kind: Word, UnkIsUnknown: true}, []string{"a <unk> <unk> </s> <s>"}, special + "</s> <s> a"},
		{"nothing", VocabConfig{Kind: Word}, nil, strings.TrimSpace(special)},
		// low×5 lower×2 newest×6 widest×3, the example of Sennrich et al.: e s 9, es t 9, then l o 7 before o w
		// 7 and ▁ lo 7 before lo w 7, by the token numbers.
		{"byte pairs", VocabConfig{Kind: BPE, Size: 19}, []string{strings.Repeat("low ", 5), "lower lower", strings.Repeat("newest ", 6), strings.Repeat("widest ", 3)},
			special + "d e i l n o r s t w ▁ es est lo ▁lo"},
		{"byte pairs that occur once are not joined", VocabConfig{Kind: BPE}, []string{"ab cd"}, special + "a b c d ▁"},
		{"frequent byte pairs", VocabConfig{Kind: BPE, Least: 3}, []string{"ab ab ab cd cd"}, special + "a b ▁ ab ▁ab"},
	} {
		v := build(t, c.config, c.texts...)
		if got := strings.Join(v.tokens, " "); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
	for _, c := range []VocabConfig{{Kind: Word, Size: 4}, {Kind: Char, Size: 2}, {Kind: BPE, Size: 7},
		{Kind: "syllable"}} {
		if v, err := BuildVocab(c, slices.Values([]string{"a b"})); err == nil {
			t.Errorf("%+v: built %q", c, v.tokens)
		}
	}
}

func TestEncodeLine(t *testing.T) {
	for _, c := range []struct {
		config  VocabConfig
		text, s string
		want    string
		unknown int
		decoded string
	}{
		{VocabConfig{Kind: Char}, "abc ", "a cx", "a   c <unk>", 1, "a c\ufffd"},
		{VocabConfig{Kind: Word}, "to be", " to see  be <s> </s>", "to <unk> be <unk> <unk>", 3, "to <unk> be <unk> <unk>"},
		{VocabConfig{Kind: Word}, "a\nb", "b a\n\nb", "b a \n \n b", 0, "b a\n\nb"},
		{VocabConfig{Kind: BPE}, "low low low lower lower", "low lowlow  wolé\n", "▁low ▁low lo w ▁ w o l <unk> <unk>", 2, "low lowlow wol\ufffd\ufffd"},
		{VocabConfig{Kind: BPE}, "ab12 ab12, \n", "ab12ab, ab\n\nab12", "▁ab 12 ab , ▁ab \n \n ▁ab 12", 0, "ab12ab, ab\n\nab12"},
	} {
		v := build(t, c.config, c.text)
		tokens, unknown := v.EncodeLine(c.s)
		if got := names(v, tokens); got != c.want || unknown != c.unknown {
			t.Errorf("%s %q: got %q, %d unknown; want %q, %d", c.config.Kind, c.s, got, unknown, c.want, c.unknown)
		}
		if got := v.Decode(tokens); got != c.decoded {
			t.Errorf("%s %q: decoded %q, want %q", c.config.Kind, c.s, got, c.decoded)
		}
	}
	v := build(t, VocabConfig{Kind: Word}, "to be")
	if got := v.Decode([]int32{Start, 4, Pad, Unknown, End, 5}); got != "be <unk>" {
		t.Errorf("decoded %q", got)
	}
}

// Byte pairs keep white space: indentation, runs, tabs, and the spaces of French typography. What the
// vocabulary lacks of it separates words.
func TestBytePairsKeepSpaces(t *testing.T) {
	v := build(t, VocabConfig{Kind: BPE, Size: 24}, "if a:\n    b\n    a\n\tc  d !", "c d\u202f!")
	for _, c := range []struct{ s, tokens, decoded string }{
		{"a b", "▁a ▁ b", "a b"},
		{"a:\n    b", "▁a : \n \u0020\u0020\u0020\u0020 ▁ b", "a:\n    b"},
		{"a  b\t!", "▁a \u0020\u0020 ▁ b \t ▁!", "a  b\t!"},
		{" a", "\u0020 ▁a", " a"},
		{"a \nb  \n", "▁a \u0020 \n ▁ b \u0020\u0020 \n", "a \nb  \n"},
		{"a\u202f!", "▁a \u202f ▁!", "a\u202f!"},
		{"a\u3000b", "▁a ▁ b", "a b"},         // an ideographic space was never seen
		{"a \u3000b", "▁a \u0020 ▁ b", "a b"}, // with a plain one before it
	} {
		tokens, unknown := v.EncodeLine(c.s)
		if got := names(v, tokens); got != c.tokens || unknown != 0 || v.Decode(tokens) != c.decoded {
			t.Errorf("%q: tokens %q, want %q; decoded %q, want %q; %d unknown", c.s, got, c.tokens, v.Decode(tokens),
				c.decoded, unknown)
		}
	}
	// A vocabulary of before keeps its meaning: white space separates words, and no more.
	old, err := parseVocab("x", []byte(bpe(`"a","b","▁","▁a","ab","▁ab"`, "[6,4],[4,5],[6,8],[7,5]")))
	if err != nil {
		t.Fatal(err)
	}
	tokens, _ := old.EncodeLine("  ab\t a\u202fb ")
	if got := names(old, tokens); got != "▁ab ▁a ▁ b" || old.Decode(tokens) != "ab a b" {
		t.Errorf("tokens %q, decoded %q", got, old.Decode(tokens))
	}
}

func TestLostSpace(t *testing.T) {
	for s, want := range map[string]int{
		"a b": 0, "a  b": 1, "a\tb": 1, "  a": 2, "a ": 1, "a\u202fb": 1, "a\n    b \n": 5, "a \u3000 b": 3, "": 0, "\n\n": 0,
	} {
		if got := LostSpace(s); got != want {
			t.Errorf("%q loses %d characters of white space, want %d", s, got, want)
		}
	}
}

// A text of any kind of vocabulary with reserved tokens may hold units that it lacks.
func TestEncodeUnknown(t *testing.T) {
	text, _ := NewText("x", "a c\nb")
	for _, kind := range Kinds {
		v := build(t, VocabConfig{Kind: kind}, "a b", "b a")
		if tokens := v.mustEncode(t, text); !slices.Contains(tokens, Unknown) {
			t.Errorf("%s: %v", kind, tokens)
		}
	}
}

// White space aside in words, what any vocabulary encodes it decodes, and its file is the same vocabulary.
func TestKindsRoundTrip(t *testing.T) {
	unit := rapid.SampledFrom([]string{"a", "b", "ab", "é", "日", "9", "12", ".", ",", "'", "\n", " ", "\t", "नमस्ते", "x",
		"▁", "<unk>"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(unit, 0, 60).Draw(t, "text"), "")
		c := VocabConfig{Kind: rapid.SampledFrom(Kinds).Draw(t, "kind"), Size: 60}
		v, err := BuildVocab(c, slices.Values([]string{s}))
		if err != nil {
			t.Fatal(err)
		}
		v, err = parseVocab("x", v.JSON())
		if err != nil {
			t.Fatal(err)
		}
		tokens, unknown := v.EncodeLine(s)
		if c.Kind != Word && unknown > 0 {
			t.Fatalf("%d unknown", unknown)
		}
		if c.Kind == BPE {
			s = strings.ReplaceAll(s, "▁", " ")
			if before, ok := strings.CutSuffix(s, " "); ok && before != "" &&
				!strings.ContainsAny(before[len(before)-1:], " \t\n") {
				s = before // what would be between this word and the next
			}
		}
		got := v.Decode(tokens)
		if c.Kind == Word { // white space but line breaks is one space
			var lines []string
			for line := range strings.SplitSeq(s, "\n") {
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
			s = strings.Join(lines, "\n")
		}
		if got != s {
			t.Fatalf("got %q, want %q", got, s)
		}
	})
}

// The trainer keeps counts up to date; this counts all pairs again before each merge.
func TestBPEIsGreedy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "ab", " "}), 0, 80).Draw(t, "text"), "")
		least := rapid.IntRange(0, 3).Draw(t, "least")
		v, err := trainBPE(slices.Values([]string{s}), 40, least)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]int32
		for text, starts := range pieces(s, true) {
			row, _ := v.symbols(nil, text, starts)
			rows = append(rows, row)
		}
		for i := 0; ; i++ {
			counts := map[pair]int{}
			for _, row := range rows {
				for j := range len(row) - 1 {
					if row[j] != Unknown && row[j+1] != Unknown {
						counts[pair{row[j], row[j+1]}]++
					}
				}
			}
			most := counted{}
			for p, n := range counts {
				if c := (counted{p, n}); most.count == 0 || (pairHeap{c, most}).Less(0, 1) {
					most = c
				}
			}
			if i == len(v.merges) {
				if most.count >= max(2, least) && v.Len() < 40 {
					t.Fatalf("stopped after %d merges, while %v occurs %d times", i, most.pair, most.count)
				}
				return
			}
			if v.merges[i].pair != most.pair {
				t.Fatalf("merge %d is %v, but %v occurs %d times", i, v.merges[i].pair, most.pair, most.count)
			}
			for j := range rows {
				rows[j] = replace(rows[j], v.merges[i])
			}
		}
	})
}

func TestBuildIsDeterministic(t *testing.T) {
	lines := strings.Split(builtin, "\n")
	for _, kind := range Kinds {
		c := VocabConfig{Kind: kind, Size: 300}
		want := build(t, c, lines...).JSON()
		shuffled := slices.Clone(lines)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if !bytes.Equal(build(t, c, shuffled...).JSON(), want) {
			t.Errorf("%s: another order of lines gives another vocabulary", kind)
		}
	}
}

func TestVocabQueries(t *testing.T) {
	char, word, pairs := build(t, VocabConfig{Kind: Char}, "ab"), build(t, VocabConfig{Kind: Word}, "a bc"),
		build(t, VocabConfig{Kind: BPE}, "ab")
	text, _ := NewText("x", "ab")
	plain := NewVocab(text)
	if char.Kind() != Char || word.Kind() != Word || char.Len() != 6 || plain.Len() != 2 {
		t.Error("kinds, lengths or reserved tokens are mixed up")
	}
	if char.Name(4) != "a" || char.Name(End) != "</s>" || plain.Name(1) != "b" || word.Name(Unknown) != "<unk>" ||
		char.Reserved() != 4 || plain.Reserved() != 0 {
		t.Errorf("%q %q %q %q, %d and %d reserved", char.Name(4), char.Name(End), plain.Name(1), word.Name(Unknown),
			char.Reserved(), plain.Reserved())
	}
	for _, c := range []struct {
		v    *Vocab
		r    rune
		want int32
	}{{char, 'b', 5}, {plain, 'b', 1}, {word, 'a', 4}, {word, 'b', -1}, {pairs, 'b', 5}, {char, 'c', -1}} {
		if got, ok := c.v.Token(c.r); ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("%s: token of %q is %d, %v; want %d", c.v.Kind(), c.r, got, ok, c.want)
		}
	}
}

func TestLongPieces(t *testing.T) {
	var lengths []int
	for piece := range pieces(strings.Repeat("é", 250)+"12", true) {
		lengths = append(lengths, utf8.RuneCountInString(piece))
	}
	if diff := cmp.Diff([]int{maxPiece, maxPiece, 50, 2}, lengths); diff != "" {
		t.Error(diff)
	}
	s := strings.Repeat("ab", 5<<20) // without white space: pairs must not take quadratic time
	v := build(t, VocabConfig{Kind: BPE}, s[:1000])
	tokens, unknown := v.EncodeLine(s)
	if unknown != 0 || v.Decode(tokens) != s {
		t.Errorf("%d unknown, %d tokens", unknown, len(tokens))
	}
}

func TestLabels(t *testing.T) {
	l := NewLabels([]string{"Greek", "Czech", "Greek", "Arabic"})
	if diff := cmp.Diff([]string{"Arabic", "Czech", "Greek"}, l.names); diff != "" {
		t.Error(diff)
	}
	if c, ok := l.Class("Czech"); c != 1 || !ok || l.Name(2) != "Greek" || l.Len() != 3 {
		t.Errorf("class %d, %v", c, ok)
	}
	if _, ok := l.Class("Latin"); ok {
		t.Error("a label that is not there has a class")
	}
	path := write(t, "labels.json", l.JSON())
	back, err := ReadLabels(path)
	if err != nil || !slices.Equal(back.names, l.names) {
		t.Errorf("read %v, %v", back, err)
	}
	for _, c := range []struct{ data, want string }{
		{"x", "not JSON labels (invalid character 'x' looking for beginning of value)"},
		{`{"kind":"char","labels":["a"]}`, `kind "char", want "labels"`},
		{`{"kind":"labels","labels":[]}`, `no labels`},
		{`{"kind":"labels","labels":["a",""]}`, `label 1 is ""`},
		{`{"kind":"labels","labels":["a","b","a"]}`, `label 0 is "a", and so is another`},
		{`{"kind":"labels","labels":["a"]}`, `differs from the form in which it is written, first at byte 32`},
	} {
		_, err := parseLabels("x", []byte(c.data))
		if want := "x: " + c.want + ": the labels are damaged, restore them from a copy of the run"; err == nil ||
			err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func FuzzParseLabels(f *testing.F) {
	f.Add(NewLabels([]string{"Greek", "<\"é>"}).JSON())
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLabels("x", data)
		if err == nil && !bytes.Equal(l.JSON(), data) {
			t.Errorf("read %q, which writes as %q", data, l.JSON())
		}
	})
}

// BenchmarkBPE learns 8000 byte pairs from both sides of a parallel text, UNROLL_DATA/multi30k, and encodes it.
func BenchmarkBPE(b *testing.B) {
	dir := os.Getenv("UNROLL_DATA")
	if dir == "" {
		b.Skip("needs UNROLL_DATA")
	}
	var lines []string
	for _, side := range []string{"de", "en"} {
		text, err := ReadText(dir + "/multi30k/train." + side + ".gz")
		if err != nil {
			b.Fatal(err)
		}
		lines = append(lines, strings.Split(whole(b, text), "\n")...)
	}
	var v *Vocab
	b.Run("train", func(b *testing.B) {
		for b.Loop() {
			v = build(b, VocabConfig{Kind: BPE, Size: 8300}, lines...)
		}
		b.ReportMetric(float64(len(v.merges)), "merges")
	})
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, line := range lines {
				tokens, _ := v.EncodeLine(line)
				n += len(tokens)
			}
			b.ReportMetric(float64(n), "tokens")
		}
	})
}
