package datasets

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rows are n rows, each made of its number.
func rows(n int, row func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(row(i))
	}
	return b.String()
}

func TestLabelsNearlyAlike(t *testing.T) {
	for _, c := range []struct {
		labels []string
		notes  []string
	}{
		{[]string{"spam", "ham"}, nil},
		{[]string{"Spam", "spam", "ham"}, []string{`nearly alike, and each a class of its own: "Spam", "spam"`}},
		{[]string{"1", "01", "1.0", "2"}, []string{`nearly alike, and each a class of its own: "01", "1", "1.0"`}},
		{[]string{"h\u200bam", "ham"}, []string{`nearly alike, and each a class of its own: "ham", "h\u200bam"`}},
		{[]string{"sp\u00e4m", "spa\u0308m"}, []string{`nearly alike, and each a class of its own: "spa\u0308m", "sp\u00e4m"`}},
		{[]string{"not  so", "not so"}, []string{`nearly alike, and each a class of its own: "not  so", "not so"`}},
		{[]string{"a", "A", "b", "B", "c", "C", "d", "D", "e", "E"},
			[]string{`nearly alike, and each a class of its own: "A", "a"; "B", "b"; "C", "c"; and 2 others`}},
		{[]string{"NaN", "x", "inf"}, []string{"2 examples have the label NaN, which is learned as one like others"}},
	} {
		table, err := ReadTable(write(t, "a.tsv", []byte(rows(2*len(c.labels), func(i int) string {
			return "text\t" + c.labels[i%len(c.labels)] + "\n"
		}))), Format{})
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, note := range table.Notes {
			notes = append(notes, strings.TrimPrefix(note, table.Name+": "))
		}
		if diff := cmp.Diff(c.notes, notes); diff != "" {
			t.Errorf("%q: %s", c.labels, diff)
		}
	}
	tagged, err := ReadTagged(write(t, "a.txt", []byte("John B-PER\nruns O\n\nJohn b-per\n")), Columns, Format{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{tagged.Name + `: nearly alike, and each a class of its own: "B-PER", "b-per"`},
		tagged.Notes); diff != "" {
		t.Error(diff)
	}
}

// In files that were put together of several, the header stands several times.
func TestHeaderAgain(t *testing.T) {
	data := "text,label\na,x\nb,y\ntext,label\nc,x\n"
	table, err := ReadTable(write(t, "a.csv", []byte(data)), Format{})
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 3 || table.Rows[2].Text != "c" || table.Rows[2].Line != 5 ||
		!slices.Contains(table.Notes, table.Name+": 1 line has the names of the columns again: left out, from line 4 on") {
		t.Errorf("%+v", table)
	}
	pairs, err := ReadPairs(write(t, "a.tsv", []byte("de\ten\na\tx\nde\ten\nb\ty\nde\ten\n")), Format{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Pair{{"a", "x"}, {"b", "y"}}, allPairs(t, pairs)); diff != "" {
		t.Error(diff)
	}
}

// What a header calls ids is not read, unless there is nothing else.
func TestHeaderWithIDs(t *testing.T) {
	for data, want := range map[string]Pair{
		"id,en,fr\nx1,a,b\n": {"a", "b"}, ",german,english\n0,a,b\n": {"a", "b"}, "uid,article,highlights\nx1,a,b\n": {"a", "b"},
		"id,en\nx1,a\n": {"x1", "a"},
	} {
		pairs, err := ReadPairs(write(t, "a.csv", []byte(data)), Format{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Pair{want}, allPairs(t, pairs)); diff != "" {
			t.Errorf("%q: %s", data, diff)
		}
	}
}

func TestDoubtfulColumns(t *testing.T) {
	const n = 21
	i := func(i int) string { return string(rune('a' + i)) }
	for _, c := range []struct{ what, data, want string }{
		{"the same source", rows(n, func(at int) string { return "en\tfr\tx" + i(at) + "\ty" + i(at) + "\n" }),
			"FILE: a column that is read has the same cell nearly everywhere: name the columns of the source and of the target, " +
				"it seems --columns 3,4; --columns 1,2 if they are as they should be"},
		{"a tab too much", "a\tb\nc\td\te\n",
			"FILE:2: 3 columns, and the first row has 2: remove what is too much, or give --columns 1,2 to leave it out"},
		{"CR and LF", "a\tb\nc\td\re\tf\n", `FILE:2: a CR alone ends a line within it, and LF ends others: convert the file, ` +
			`for example with tr '\r' '\n'`},
		{"CR and LF in the first line", "a\tb\rc\td\ne\tf\n", `FILE:1: a CR alone ends a line within it, and LF ends others: ` +
			`convert the file, for example with tr '\r' '\n'`},
	} {
		path := write(t, "a.tsv", []byte(c.data))
		_, err := ReadPairs(path, Format{})
		wantError(t, c.what, path, err, c.want)
	}
	for _, data := range []string{"a\tb\nc\td\t\t\n", "a\tb\tc\nd\te\n"} {
		if p, err := ReadPairs(write(t, "a.tsv", []byte(data)), Format{}); err != nil || p.Len() != 2 {
			t.Errorf("%q: %v", data, err)
		}
	}
	if _, err := ReadPairs(write(t, "a.tsv", []byte("a\tb\nc\td\te\n")), Format{Columns: []string{"1", "2"}}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ what, data, want string }{
		{"the same text", rows(n, func(at int) string { return "gj04\t" + i(at%2) + "\tx " + i(at) + "\n" }),
			"FILE: column 1, of the texts, has 1 text in the first 21 rows: name the columns of the text and of the " +
				"label, it seems --columns 3,2; --columns 1,2 if they are as they should be"},
		{"labels that are numbers", "text\tscore\n" + rows(n, func(at int) string { return i(at) + "\t0." + i(at) + "\n" }),
			`FILE: column 2, "score", has 21 different labels in the first 21 rows, and a classifier learns classes: name the ` +
				"columns of the text and of the label, with --columns 1,2 if they are as they should be"},
	} {
		path := write(t, "a.tsv", []byte(c.data))
		_, err := ReadTable(path, Format{})
		wantError(t, c.what, path, err, c.want)
	}
}

// What is no sentence of words with tags is refused, and names of columns are no word.
func TestDoubtfulTags(t *testing.T) {
	header, err := ReadTagged(write(t, "a.txt", []byte("# made\nWord POS NER\nJohn NNP B-PER\nruns VBZ O\n\nWord NN O\n")), Columns,
		Format{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"John", "runs"}, header.Sentences[0].Words); diff != "" || header.Sentences[0].Line != 3 ||
		len(header.Sentences) != 2 || !slices.Contains(header.Notes, header.Name+": line 2 has the names of the columns, and is no word") {
		t.Errorf("%s %+v", diff, header)
	}
	numbered := rows(10, func(int) string { return "1\tJohn\tB-PER\n2\truns\tO\n\n" })
	for _, c := range []struct{ what, form, data, want string }{
		{"numbers", Columns, numbered,
			"FILE: column 1, of the words, numbers them: name the columns, it seems --word-column 2 --column 3"},
		{"sentences in lines", Columns, "John runs\tB-PER O\n", "FILE:1: 2 words and as many tags: write each word and its tag in a " +
			"line, and an empty line after the sentence"},
		{"no text", Conllu, rows(2, func(int) string { return "1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n" }),
			"FILE: 2 of 2 words are _: the treebank comes without its text, which must be put in first"},
	} {
		path := write(t, "a.txt", []byte(c.data))
		_, err := ReadTagged(path, c.form, Format{})
		wantError(t, c.what, path, err, c.want)
	}
}

// Where most targets are their sources, that is said.
func TestCopies(t *testing.T) {
	a, b := write(t, "a.en", []byte("x\ny\n \nz\n")), write(t, "a.fr", []byte("x\n y\n\nw\n"))
	for _, hold := range []int64{0, MaxHeldBytes} {
		p, err := readParallel(a, b, false, hold)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if diff := cmp.Diff([]string{p.Name + ": 2 of 3 targets are the same as their sources"}, p.Notes); diff != "" {
			t.Error(diff)
		}
	}
	for data, want := range map[string]bool{"a\ta\nb\tb\nc\td\n": true, "a\ta\nb\tc\n": false} {
		for _, name := range []string{"a.tsv", "a.csv"} {
			p, err := ReadPairs(write(t, name, []byte(data)), Format{})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Notes) > 0 != want {
				t.Errorf("%s %q: %q", name, data, p.Notes)
			}
		}
	}
}

// Characters that are perhaps there by mistake are counted.
func TestDoubtfulCharacters(t *testing.T) {
	text, err := NewText("T", "a\r\nb\rc\r\ufffd\u0097\u0093\u0085\n\u00e9")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"T: 2 characters of CR that is not followed by LF: perhaps some lines end in it",
		"T: 1 character of U+FFFD, which stands for what a conversion could not read: convert the original anew",
		"T: 2 characters of U+0080 to U+009F: perhaps the text was Windows-1252, and was converted as Latin-1",
	}, text.Notes()); diff != "" {
		t.Error(diff)
	}
	if text, err = NewText("T", "a\r\nb\n"); err != nil || text.Notes() != nil {
		t.Error(text.Notes(), err)
	}
}
