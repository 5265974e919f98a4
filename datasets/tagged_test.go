package datasets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// conlluLine is a line of CoNLL-U.
func conlluLine(id, form, upos, xpos, feats string) string {
	return strings.Join([]string{id, form, "_", upos, xpos, feats, "_", "_", "_", "_"}, "\t") + "\n"
}

// shortConllu has all that surprises in CoNLL-U: comments, a range, an empty node with a tag, a blank and quotation
// marks in words, # as a word.
var shortConllu = "# global.columns = ID FORM\n# sent_id = 1\n" +
	conlluLine("1", "J'", "PRON", "_", "Case=Nom|Number=Sing") + conlluLine("2-3", "au", "_", "_", "_") +
	conlluLine("2", "à", "ADP", "_", "_") + conlluLine("3", "le", "DET", "_", "Definite=Def") +
	conlluLine("4", "20 000", "NUM", "_", "_") + conlluLine("4.1", "vu", "VERB", "_", "_") +
	"\n# sent_id = 2\n" + conlluLine("1", `"`, "PUNCT", "_", "_") + conlluLine("2", "#", "SYM", "_", "_") + "\n"

func tagged(t *testing.T, form string, f Format, text string) (*Tagged, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := ReadTagged(path, form, f)
	var e *Error
	if errors.As(err, &e) {
		e.File = "x"
	}
	return x, err
}

// words are sentences as WORD/TAG, with bars between words and a line for each sentence.
func (x *Tagged) words() string {
	var b strings.Builder
	for _, s := range x.Sentences {
		for i := range s.Words {
			fmt.Fprintf(&b, "%s/%s|", s.Words[i], s.Tags[i])
		}
		fmt.Fprintf(&b, " from line %d\n", s.Line)
	}
	return b.String()
}

func TestReadConllu(t *testing.T) {
	const upos = "J'/PRON|à/ADP|le/DET|20 000/NUM| from line 3\n\"/PUNCT|#/SYM| from line 11\n"
	const feats = "J'/Case=Nom|Number=Sing|à/_|le/Definite=Def|20 000/_| from line 3\n\"/_|#/_| from line 11\n"
	for name, c := range map[string]struct {
		text string
		f    Format
		want string
	}{
		"as it should be":                    {shortConllu, Format{}, upos},
		"FEATS as one tag":                   {shortConllu, Format{Columns: []string{"FORM", "feats"}}, feats},
		"CRLF":                               {strings.ReplaceAll(shortConllu, "\n", "\r\n"), Format{}, upos},
		"a byte order mark":                  {"\ufeff" + shortConllu, Format{}, upos},
		"no last line break":                 {strings.TrimRight(shortConllu, "\n"), Format{}, upos},
		"many empty lines, one with a blank": {strings.ReplaceAll(shortConllu, "\n\n", "\n \n") + "\n\n", Format{}, upos},
	} {
		x, err := tagged(t, Conllu, c.f, c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, x.words()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	x, err := tagged(t, Conllu, Format{}, shortConllu)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 range of words is no word", "1 empty node is no word"},
		withoutFile(x.Notes)); diff != "" {
		t.Error(diff)
	}
}

func withoutFile(notes []string) (short []string) {
	for _, n := range notes {
		_, n, _ = strings.Cut(n, ": ")
		short = append(short, n)
	}
	return short
}

func TestReadConlluRefuses(t *testing.T) {
	line := func(id string) string { return conlluLine(id, "a", "X", "_", "_") }
	for text, want := range map[string]string{
		"":                                  "x: no sentences",
		"# text\n\n":                        "x: no sentences",
		"a NN B-NP\n":                       "x:1: 1 column, and a line of CoNLL-U has 10: tabs are between them, not blanks",
		line("1") + "2\tb\n":                "x:2: 2 columns, and a line of CoNLL-U has 10",
		line("1") + line("3"):               "x:2: word 3 follows word 1",
		line("1") + line("1"):               "x:2: word 1 follows word 1: an empty line is missing",
		line("x"):                           `x:1: the number of the word is "x"`,
		line("+1"):                          `x:1: the number of the word is "+1"`,
		line("2-1"):                         `x:1: the number of the word is "2-1"`,
		line("1.0"):                         `x:1: the number of the word is "1.0"`,
		conlluLine("1", " ", "X", "_", "_"): "x:1: the word, FORM, is empty",
		line("1") + conlluLine("2", "b", "", "_", "_"): "x:2: UPOS: the tag is empty",
		line("1") + "2\tb\x00c\n":                      "x:2:4: byte",
		line("1") + "2\tb\xffc\n":                      "x:2:4: byte",
		"<?xml version='1.0'?>\n":                      "x:1: it begins with <?xml, which is markup",
	} {
		_, err := tagged(t, Conllu, Format{}, text)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s ...", text, err, want)
		}
	}
	for _, columns := range [][]string{{"FORM", "HEAD"}, {"ID", "UPOS"}, {"FORM"}, {"1", "2"}} {
		if _, err := tagged(t, Conllu, Format{Columns: columns}, shortConllu); err == nil {
			t.Errorf("columns %v: accepted", columns)
		}
	}
}

// A column that has nothing is no column of tags; one that has something sometimes is, and that is said.
func TestColumnsOfNothing(t *testing.T) {
	x, err := tagged(t, Conllu, Format{Columns: []string{"FORM", "XPOS"}}, shortConllu)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = x.Labels(); err == nil || !strings.Contains(err.Error(), `every tag in column XPOS is "_"`) {
		t.Errorf("got %v", err)
	}
	x, err = tagged(t, Conllu, Format{Columns: []string{"FORM", "XPOS"}},
		conlluLine("1", "a", "X", "NN", "_")+conlluLine("2", "b", "X", "_", "_"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 of 2 words have the tag _, which is learned as one like others"},
		withoutFile(x.Notes)); diff != "" {
		t.Error(diff)
	}
	if l, err := x.Labels(); err != nil || l.Len() != 2 {
		t.Errorf("%v", err)
	}
}

func TestReadColumns(t *testing.T) {
	const conll = "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n-DOCSTART- -X- O O\n\n# NN I-NP O\n"
	const want = "EU/B-ORG|rejects/O| from line 3\n#/O| from line 8\n"
	const pos = "EU/NNP|rejects/VBZ| from line 3\n#/NN| from line 8\n"
	for name, c := range map[string]struct {
		text    string
		columns []string
		want    string
	}{
		"as CoNLL-2003 has it":  {conll, nil, want},
		"another column":        {conll, []string{"1", "2"}, pos},
		"tabs":                  {strings.ReplaceAll(conll, " ", "\t"), nil, want},
		"two blanks":            {strings.ReplaceAll(conll, " ", "  "), nil, want},
		"blanks at the end":     {strings.ReplaceAll(conll, "\n", " \n"), nil, want},
		"CRLF":                  {strings.ReplaceAll(conll, "\n", "\r\n"), nil, want},
		"a blank within a word": {"20 000\tB-NUM\nx\tO\n", nil, "20 000/B-NUM|x/O| from line 1\n"},
		"a no-break space":      {"20\u00a0000 B-NUM\nx O\n", nil, "20\u00a0000/B-NUM|x/O| from line 1\n"},
		"comments":              {"# id 7 domain=en\n# B-X\na B-X\n# O\n", nil, "#/B-X|a/B-X|#/O| from line 2\n"},
		"no empty line behind a document's": {"-DOCSTART- O\na B-X\n-DOCSTART- O\nb O\n", nil,
			"a/B-X| from line 2\nb/O| from line 4\n"},
		"rows of different lengths, columns by number": {"a B-X\nb O more\n", []string{"1", "2"}, "a/B-X|b/O| from line 1\n"},
		"words behind": {"B-X a\nO b\n", []string{"2", "1"}, "a/B-X|b/O| from line 1\n"},
	} {
		x, err := tagged(t, Columns, Format{Columns: c.columns}, c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, x.words()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	x, err := tagged(t, Columns, Format{}, conll)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1", "4"}, x.Format.Columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"2 times -DOCSTART-, which is no word"}, withoutFile(x.Notes)); diff != "" {
		t.Error(diff)
	}
}

func TestReadColumnsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\n":                            "x:1: 1 column: a word, blanks or a tab, and its tag",
		"a B-X\nb\n\nc O\n":                 "x:2: 1 column, and column 2 is wanted",
		"a NN B-X\nb O\nc NN O\n":           "x:2: 2 columns, and column 3 is wanted",
		"a\tB-X\nb\t\n":                     "x:2: 1 column, and column 2 is wanted",
		"a B-X\nb x O\n":                    "x:2: 3 columns, and other lines have 2",
		"a\tB-X\n\tO\n":                     "x:2: the word in column 1 is empty",
		conlluLine("1", "a", "X", "_", "_"): "x:1: this looks like CoNLL-U: give --conllu",
		"":                                  "x: no sentences",
	} {
		_, err := tagged(t, Columns, Format{}, text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s ...", text, err, want)
		}
	}
	if _, err := tagged(t, Columns, Format{Columns: []string{"1", "4"}}, "a B\nb O\n"); err == nil ||
		!strings.HasPrefix(err.Error(), "x:1: 2 columns, and column 4 is wanted") {
		t.Errorf("got %v", err)
	}
	for _, columns := range [][]string{{"1", "1"}, {"word", "2"}, {"0", "1"}, {"1"}} {
		if _, err := tagged(t, Columns, Format{Columns: columns}, "a B\nb O\n"); err == nil {
			t.Errorf("columns %v: accepted", columns)
		}
	}
}

// With SkipBad, sentences that cannot be used are left out and counted.
func TestSkipBadSentences(t *testing.T) {
	text := conlluLine("1", "a", "X", "_", "_") + "\n" + "1\tb\n" + conlluLine("1", "c", "X", "_",
		"_") + "\n" + conlluLine("1", "d", "Y", "_", "_")
	x, err := tagged(t, Conllu, Format{SkipBad: true}, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.words(); got != "a/X| from line 1\nd/Y| from line 6\n" || x.Skipped.Count != 1 ||
		x.Skipped.First.Line != 3 {
		t.Errorf("%s%+v", got, x.Skipped)
	}
}

// What was read is written again with other tags, and nothing else changes.
func TestFill(t *testing.T) {
	for name, c := range map[string]struct{ form, text, want string }{
		"CoNLL-U": {Plain, shortConllu, strings.NewReplacer("\tPRON\t", "\tT1\t", "\tADP\t", "\tT2\t", "\tDET\t", "\tT3\t",
			"\tNUM\t", "\tT4\t",
			"\tPUNCT\t", "\tT5\t", "\tSYM\t", "\tT6\t").Replace(shortConllu)},
		"a word a line": {Plain, "\n J'\nai\tx\n\n\n#\n", "J'\tT1\nai\tx\tT2\n\n#\tT3\n\n"},
		"columns":       {Columns, "EU NNP \n\n-DOCSTART- -X-\n\na b c\n", "EU NNP T1\n\n-DOCSTART- -X-\n\na b c T2\n\n"},
	} {
		r, err := NewSentences("stdin", c.form, Format{}, strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		n := 0
		for {
			s, err := r.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var tags []string
			for range s.Words {
				n++
				tags = append(tags, fmt.Sprintf("T%d", n))
			}
			text, err := s.Fill(tags)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(text)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A file without empty lines is not taken for one sentence of any length.
func TestEndlessSentence(t *testing.T) {
	_, err := tagged(t, Columns, Format{}, strings.Repeat("a O\n", maxSentence+1))
	if err == nil || !strings.Contains(err.Error(), "an empty line must end each") {
		t.Errorf("got %v", err)
	}
}

// TestSequoia counts the words of the French treebank Sequoia, UNROLL_DATA/ud_french_sequoia, as its stats.xml does.
func TestSequoia(t *testing.T) {
	dir := os.Getenv("UNROLL_DATA")
	if dir == "" {
		t.Skip("needs UNROLL_DATA")
	}
	for part, want := range map[string][3]int{"train": {2231, 50502, 1360}, "dev": {412, 9999, 282},
		"test": {456, 10044, 310}} {
		paths, _ := filepath.Glob(filepath.Join(dir, "ud_french_sequoia", "*-"+part+".conllu*"))
		if len(paths) != 1 {
			t.Fatalf("%s: files %v", part, paths)
		}
		x, err := ReadTagged(paths[0], Conllu, Format{})
		if err != nil {
			t.Fatal(err)
		}
		words := 0
		for _, s := range x.Sentences {
			words += len(s.Words)
		}
		if len(x.Sentences) != want[0] || words != want[1] ||
			!strings.Contains(strings.Join(x.Notes, " "), fmt.Sprintf("%d ranges", want[2])) {
			t.Errorf("%s: %d sentences, %d words, %v; want %v", part, len(x.Sentences), words, x.Notes, want)
		}
	}
}

// What cannot be sentences, words or tags is said, and no model learns it.
func TestReadTaggedDoubts(t *testing.T) {
	swapped := strings.Repeat("O one\nO two\nB three\nO four\n\n", 20)
	path := write(t, "a.txt", []byte(swapped))
	_, err := ReadTagged(path, Columns, Format{})
	wantError(t, "the tag first", path, err,
		"FILE: column 1, of the words, has 2 different ones, and column 2, of the tags, has 4: name the columns, it seems "+
			"--word-column 2 and --column 1")
	if x, err := ReadTagged(path, Columns, Format{Columns: []string{"1", "2"}}); err != nil || len(x.Sentences) != 20 {
		t.Errorf("columns that were named: %v", err)
	}
	path = write(t, "a.txt", []byte("Word #,Tag\nAnna,B\n"))
	_, err = ReadTagged(path, Columns, Format{})
	wantError(t, "commas", path, err,
		"FILE:2: 1 column, and column 2 is wanted: blanks or tabs divide cells, and not commas: convert the file")
	path = write(t, "a.txt", []byte(strings.Repeat("a X\nb Y\n", longSentence/2)))
	_, err = ReadTagged(path, Columns, Format{})
	wantError(t, "one sentence", path, err,
		"FILE: all of its 200 lines are one sentence: there must be an empty line after each sentence")
}

// A sentence on one line is not a word with other columns, in silence.
func TestSentencesOfManyColumns(t *testing.T) {
	for text, note := range map[string]string{
		"the cat sits .\n": "stdin: lines have up to 4 columns, of which column 1 is the word: a sentence has a word a line",
		"the D\ncat N\n":   "",
	} {
		s, err := NewSentences("stdin", Columns, Format{Columns: []string{"1", "3"}}, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Notes(), "\n"); got != note {
			t.Errorf("%q: %q, want %q", text, got, note)
		}
	}
}
