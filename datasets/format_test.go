package datasets

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts are the rows of a table, or the pairs, with a slash between.
func readRows(t *testing.T, pairs bool, path string, f Format) (rows, notes []string, err error) {
	t.Helper()
	if pairs {
		p, err := ReadPairs(path, f)
		if err != nil {
			return nil, nil, err
		}
		for _, pair := range allPairs(t, p) {
			rows = append(rows, pair.Source+"/"+pair.Target)
		}
		return rows, p.Notes, nil
	}
	table, err := ReadTable(path, f)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range table.Rows {
		rows = append(rows, r.Text+"/"+r.Label)
	}
	return rows, table.Notes, nil
}

// A table and pairs are the same rows, whichever way they are written.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name, file, data string
		format           Format
		pairs            bool
		want             []string
		notes            string // FILE for the path
	}{
		{"tabs", "a.tsv", "good\tpos\nbad\tneg\n", Format{}, false, []string{"good/pos", "bad/neg"}, ""},
		{"more columns", "a.tsv", "good\tpos\t1\nbad\tneg\t2\n", Format{}, false, []string{"good/pos", "bad/neg"},
			"FILE: of 3 columns the first is the text, and the second the label; --columns for others"},
		{"by number", "a.tsv", "1\tpos\tgood\n2\tneg\tbad\n", Format{Columns: []string{"3", "2"}}, false, []string{"good/pos", "bad/neg"}, ""},
		{"by name", "a.tsv", "nr\tverdict\tsaid\n1\tpos\tgood\n", Format{Columns: []string{"said", "verdict"}}, false, []string{"good/pos"},
			`FILE: line 1 is a header, of which column 3, "said", is the text, and column 2, "verdict", the label; --columns for others, --header no if it is none`},
		{"a header is noticed", "a.tsv", "\ufeffText\tlabel\ngood\tpos\n", Format{}, false, []string{"good/pos"},
			`FILE: line 1 is a header, of which column 1, "Text", is the text, and column 2, "label", the label; --columns for others, --header no if it is none`},
		{"a header with the label first", "a.tsv", "label\treview_text\npos\tgood\n", Format{}, false, []string{"good/pos"},
			`FILE: line 1 is a header, of which column 2, "review_text", is the text, and column 1, "label", the label; --columns for others, --header no if it is none`},
		{"no header", "a.tsv", "text\tlabel\ngood\tpos\n", Format{Header: HeaderNo}, false, []string{"text/label", "good/pos"}, ""},
		{"a header that nobody knows", "a.tsv", "Quelle\tZiel\ngood\tpos\n", Format{Header: HeaderYes}, false, []string{"good/pos"},
			`FILE: line 1 is a header, of which column 1, "Quelle", is the text, and column 2, "Ziel", the label; --columns for others, --header no if it is none`},
		{"words that look like a header", "a.tsv", "word\ttag\nname\ttag\n", Format{}, false, []string{"word/tag", "name/tag"}, ""},
		{"a header of pairs", "a.tsv", "english\tfrench\nYes\tOui\n", Format{}, true, []string{"Yes/Oui"},
			`FILE: line 1 is a header, of which column 1, "english", is the source, and column 2, "french", the target; --columns for others, --header no if it is none`},
		{"a header of pairs, targets first", "a.tsv", "id\ttgt\tsrc\n1\tOui\tYes\n", Format{}, true, []string{"Yes/Oui"},
			`FILE: line 1 is a header, of which column 3, "src", is the source, and column 2, "tgt", the target; --columns for others, --header no if it is none`},
		{"numbered sentences", "a.tsv", "1\tYes\t2\tOui\n3\tNo\t4\tNon\n", Format{Columns: []string{"2", "4"}}, true, []string{"Yes/Oui", "No/Non"}, ""},
		{"CSV by its name", "a.csv", "text,label\r\n\"good, very\",pos\r\n\r\nbad,neg\r\n", Format{Header: HeaderYes}, false, []string{"good, very/pos", "bad/neg"},
			`FILE: line 1 is a header, of which column 1, "text", is the text, and column 2, "label", the label; --columns for others, --header no if it is none`},
		{"CSV by a flag, with a mark", "a.txt", "\ufeffgood,pos\nbad,neg\n", Format{Kind: FormatCSV}, false, []string{"good/pos", "bad/neg"}, ""},
		{"semicolons", "a.csv", "gut, sehr;pos\n\"schlecht; sehr\";neg\n", Format{}, false, []string{"gut, sehr/pos", "schlecht; sehr/neg"}, ""},
		{"semicolons, and a comma in each text", "a.csv", "gut, sehr;pos\nschlecht, sehr;neg\n", Format{}, false, []string{"gut, sehr/pos", "schlecht, sehr/neg"}, ""},
		{"commas, and a semicolon in each text", "a.csv", "gut; sehr,pos\nschlecht; sehr,neg\n", Format{}, false, []string{"gut; sehr/pos", "schlecht; sehr/neg"}, ""},
		{"bars, and a comma in each text", "a.csv", "gut, sehr|pos\nschlecht, sehr|neg\n", Format{}, false, []string{"gut, sehr/pos", "schlecht, sehr/neg"}, ""},
		{"what Excel is told", "a.csv", "sep=;\r\ngut, sehr;pos\r\nschlecht, sehr;neg\r\n", Format{}, false, []string{"gut, sehr/pos", "schlecht, sehr/neg"}, ""},
		{"what Excel is told, in quotes", "a.csv", "\ufeff\"sep=~\"\ngut~pos\nschlecht~neg\n", Format{}, true, []string{"gut/pos", "schlecht/neg"}, ""},
		{"what Excel is told of tabs", "a.txt", "sep=\t\ngut\tpos\n", Format{Quoted: true}, false, []string{"gut/pos"}, ""},
		{"a name that is a number", "a.csv", "2,1,0\npos,good,x\nneg,bad,y\n", Format{Columns: []string{"1", "2"}, Header: HeaderYes}, false, []string{"good/pos", "bad/neg"},
			`FILE: line 1 is a header, of which column 2, "1", is the text, and column 1, "2", the label; --columns for others, --header no if it is none`},
		{"numbers in the first row that are no names", "a.csv", "2,1\n7,9\n", Format{Columns: []string{"1", "2"}}, true, []string{"2/1", "7/9"}, ""},
		{"tabs in a file called CSV", "a.CSV", "a,b\tpos\n\"c\td\"\tneg\n", Format{}, false, []string{"a,b/pos", "c d/neg"}, ""},
		{"numbers of columns with one name", "a.csv", "text,text,label\ngood,fine,pos\n", Format{Columns: []string{"2", "3"}, Header: HeaderYes}, false,
			[]string{"fine/pos"},
			`FILE: line 1 is a header, of which column 2, "text", is the text, and column 3, "label", the label; --columns for others, --header no if it is none`},
		{"the index of a data frame", "a.csv", ",text,label\n0,good,pos\n1,bad,neg\n", Format{}, false, []string{"good/pos", "bad/neg"},
			`FILE: line 1 is a header, of which column 2, "text", is the text, and column 3, "label", the label; --columns for others, --header no if it is none`},
		{"quotes and line breaks", "a.csv", "\"he said \"\"go\"\"\",x\n\"one\ntwo\r\nthree\",y\n", Format{}, true, []string{`he said "go"/x`, "one two three/y"}, ""},
		{"quoted tabs", "a.tsv", "\"he said \"\"go\"\"\"\tx\n\"one\ntwo\"\ty\n", Format{Quoted: true}, false, []string{`he said "go"/x`, "one two/y"}, ""},
		{"quoted, and not read so", "a.tsv", "\"he said \"\"go\"\"\"\tx\nit\"s\ty\n\"a\"\tx\n", Format{}, false, []string{`"he said ""go"""/x`, `it"s/y`, `"a"/x`},
			"FILE: 2 cells are in quotation marks, which are kept, the first in line 1; if a spreadsheet wrote them, give --quoted"},
		{"a quotation is none", "a.tsv", "\"Go\" and \"stop\"\tx\n\"Who?\tx\n", Format{}, false, []string{`"Go" and "stop"/x`, `"Who?/x`}, ""},
	} {
		for _, zipped := range []bool{false, true} {
			path := write(t, c.file, []byte(c.data))
			if zipped {
				path = write(t, c.file+".gz", zip(t, c.data))
			}
			rows, notes, err := readRows(t, c.pairs, path, c.format)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if diff := cmp.Diff(c.want, rows); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
			if got := strings.ReplaceAll(strings.Join(notes, "\n"), path, "FILE"); got != c.notes {
				t.Errorf("%s:\nnotes %s\nwant  %s", c.name, got, c.notes)
			}
		}
	}
}

func TestFormatsRefuse(t *testing.T) {
	many := func(row func(i int) string) string {
		var b strings.Builder
		for i := range 40 {
			b.WriteString(row(i))
		}
		return b.String()
	}
	for _, c := range []struct {
		name, file, data string
		format           Format
		pairs            bool
		want             string
	}{
		{"labels first", "a.tsv", many(func(i int) string { return fmt.Sprintf("%s\tmessage number %d\n", []string{"ham", "spam"}[i%2], i) }), Format{}, false,
			"FILE: the first 40 rows have 40 different labels and 2 different texts: name the columns of the text and of the label, it seems --columns 2,1; --columns 1,2 if they are as they should be"},
		{"labels first, of few texts", "a.tsv", many(func(i int) string { return fmt.Sprintf("%s\tmessage number %d\n", []string{"ham", "spam"}[i%2], i%15) }), Format{}, false,
			"FILE: the first 40 rows have 15 different labels and 2 different texts: name the columns of the text and of the label, it seems --columns 2,1; --columns 1,2 if they are as they should be"},
		{"numbers first", "a.tsv", many(func(i int) string { return fmt.Sprintf("%d\tmessage number %d\t%d\n", i, i, i%3) }), Format{}, false,
			"FILE: the texts are numbers: name the columns of the text and of the label, it seems --columns 2,3; --columns 1,2 if they are as they should be"},
		{"images", "a.csv", "label,pixel0,pixel1,pixel2\n" + many(func(i int) string { return fmt.Sprintf("%d,0,%d,0\n", i%3, i%7) }), Format{}, false,
			"FILE: all of its columns are numbers: give --series, of series with a label each, or name the columns of the text and of the label with --columns"},
		{"numbers of sentences", "a.tsv", "1\tYes\t2\tOui\n3\tNo\t4\tNon\n", Format{}, true,
			"FILE: a column that is read has numbers alone: name the columns of the source and of the target, it seems --columns 2,4; --columns 1,2 if they are as they should be"},
		{"no such column", "a.csv", "text,label\na,b\n", Format{Columns: []string{"text", "class"}}, false,
			`FILE:1: there is no column "class", the first row has "text", "label": correct --columns`},
		{"a header with a name twice", "a.csv", "text,text,label\ngood,fine,pos\nbad,poor,neg\n", Format{}, false,
			`FILE:1: two columns are called "text": name those to read by their numbers, with --columns`},
		{"a name of two columns", "a.csv", "id,text,text,label\n1,good,fine,pos\n", Format{Columns: []string{"text", "label"}}, false,
			`FILE:1: two columns are called "text": name those to read by their numbers, with --columns`},
		{"a comma in a cell of CSV", "a.csv", "Hi,Salut\nHello, world,Bonjour\n", Format{}, true,
			"FILE:2: 3 columns, and the first row has 2: remove what is too much, or write quotation marks around cells that have commas in them"},
		{"one column twice", "a.csv", "id,text,label\n1,good,pos\n", Format{Columns: []string{"text", "2"}}, false,
			"FILE:1: --columns text,2 is column 2 twice: name two"},
		{"a broken row after what Excel is told", "a.csv", "sep=;\ntext;label\ngood\n", Format{}, false,
			"FILE:3: 1 column, and column 2 is wanted: complete the row, or correct --columns"},
		{"JSON", "a.jsonl", "{\"text\": \"good\"}\n", Format{}, false, "FILE:1: it begins as JSON does: make CSV of it, for example with jq -r '[.text,.label]|@csv'"},
		{"a list in JSON", "a.json", "[{\"en\": \"good\"}]\n", Format{}, true, "FILE:1: it begins as JSON does: make CSV of it, for example with jq -r '.[]|[.source,.target]|@csv'"},
		{"a spreadsheet", "a.csv", "PK\x03\x04\x14\x00", Format{}, false, "FILE: it is a zip archive, as spreadsheets (.xlsx, .ods) are, too: take the file out of it, or save the sheet as CSV"},
		{"bzip2", "a.tsv", "BZh91AY&SY\xd4\x00", Format{}, true, "FILE: it is compressed by bzip2: uncompress it with bunzip2"},
		{"a tar archive", "a.tsv", strings.Repeat("\x00", 257) + "ustar\x00", Format{}, true, "FILE: it is a tar archive: take the file out of it"},
		{"too few columns", "a.tsv", "a\tb\n", Format{Columns: []string{"1", "3"}}, true, "FILE:1: 2 columns, and column 3 is wanted: complete the row, or correct --columns"},
		{"an empty cell", "a.csv", "a,b,c\nd,e,\n", Format{Columns: []string{"1", "3"}}, false, "FILE:2: the label in column 3 is empty: remove the line or complete it"},
		{"CSV without a name", "a.txt", "good,pos\n", Format{}, false, "FILE:1: no tab: a line is a text, a tab and its label; of a file with commas or semicolons give --format csv"},
		{"a stray quote", "a.csv", "a,b\nc\"d,e\nf,g\n", Format{}, false,
			"FILE:2: a quotation mark stands where CSV has none: write two for one, and one on each side of the cell, or leave out --quoted and give --format tsv if quotation marks mean nothing"},
		{"an open quote", "a.csv", "a,b\n\"c,d\ne,f\ng,h\n", Format{SkipBad: true}, false,
			"FILE:2: a quotation mark begins a cell, and none ends it before the end of the file: write one more, or leave out --quoted and give --format tsv if quotation marks mean nothing"},
		{"rows over several lines", "a.tsv", "three\ty\n\"one, too\ntwo\"\tx\n", Format{}, false,
			"FILE:2: no tab: a line is a text, a tab and its label; a cell in quotation marks that has line breaks is read with --quoted"},
		{"rows over several lines, skipping", "a.tsv", "\"one\ntwo\"\tx\nthree\ty\n", Format{SkipBad: true}, false,
			"FILE:2: a cell in quotation marks goes on from the line before: give --quoted, which reads cells as spreadsheets write them"},
		{"UTF-16", "a.csv", "\xff\xfea\x00,\x00b\x00", Format{}, false, "FILE:1:1: byte 0 (0xff) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"},
		{"Latin-1", "a.csv", "a,b\n\"x\ny\xe9\",d\n", Format{}, false, "FILE:3:2: byte 8 (0xe9) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"NUL", "a.csv", "a,b\nabc\x00,d\n", Format{}, false, "FILE:2:4: byte 7 is NUL, so this is not text: choose another file"},
		{"CR in CSV", "a.csv", "a,b\rc,d\r", Format{}, false, `FILE: its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`},
		{"CR in a table", "a.tsv", "a\tb\rc\td\r", Format{}, false, `FILE: its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`},
		{"CR in pairs", "a.tsv", "a\tb\rc\td\r", Format{}, true, `FILE: its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`},
		{"NEL", "a.tsv", "a\tb\u0085c\td\u0085", Format{}, true, `FILE: its lines end in NEL (U+0085), as those of mainframes do: convert it, for example with sed 's/\xc2\x85/\n/g'`},
		{"HTML", "a.html", "\n<!DOCTYPE html>\n<p>a\tb</p>\n", Format{}, false, "FILE:2: it begins with <!DOCTYPE, which is markup: convert it, a line is a text, a tab and its label"},
		{"a memory of translations", "a.tmx", "<tmx version='1.4'>\n", Format{}, true, "FILE: it is marked up, and begins with <tmx>; of markup only test sets of WMT are read: convert it to texts, a line each"},
	} {
		path := write(t, c.file, []byte(c.data))
		_, _, err := readRows(t, c.pairs, path, c.format)
		wantError(t, c.name, path, err, c.want)
	}
	// Numbers are no texts, also below a name.
	numbered := write(t, "a.csv", []byte("Nummer;Satz;Bewertung\n"+
		many(func(i int) string { return fmt.Sprintf("%d;Satz %d;%s\n", i, i%9, []string{"gut", "schlecht"}[i%2]) })))
	_, _, err := readRows(t, false, numbered, Format{})
	wantError(t, "numbers", numbered, err,
		"FILE: the texts are numbers: name the columns of the text and of the label, it seems --columns 2,3; --columns 1,2 "+
			"if they are as they should be")
	// The columns that the user names are not judged.
	path := write(t, "a.tsv", []byte(many(func(i int) string { return fmt.Sprintf("ham\tmessage number %d\n", i) })))
	if rows, _, err := readRows(t, false, path, Format{Columns: []string{"1", "2"}}); err != nil || len(rows) != 40 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	// A label that occurs nowhere else, in the first line.
	path = write(t, "a.tsv", []byte("A word of its own\tArt\n"+
		many(func(i int) string { return fmt.Sprintf("w%d\t%d\n", i, i%2) })))
	_, notes, err := readRows(t, false, path, Format{})
	if want := path + `: the label "Art" of line 1 occurs nowhere else; if that line is a header, give --header yes`; err != nil || len(notes) != 1 || notes[0] != want {
		t.Errorf("%q, %v", notes, err)
	}
	// If its text may be a name, too, it is a header, in any language.
	path = write(t, "a.csv",
		[]byte("Отзыв,Оценка\n"+many(func(i int) string { return fmt.Sprintf("w%d,%d\n", i, i%2) })))
	rows, notes, err := readRows(t, false, path, Format{})
	want := path + `: line 1, "Отзыв" and "Оценка", is taken for a header; --header no if it is none`
	if err != nil || len(rows) != 40 || len(notes) != 1 || notes[0] != want {
		t.Errorf("%d rows, %q, %v", len(rows), notes, err)
	}
	if rows, _, err := readRows(t, false, path, Format{Header: HeaderNo}); err != nil || len(rows) != 41 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestFormatCheck(t *testing.T) {
	for _, f := range []Format{{}, {Kind: FormatCSV, Columns: []string{"a", "b"}, Header: HeaderYes},
		{Quoted: true, Columns: []string{"2", "1"}, Header: HeaderNo}} {
		if err := f.Check(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for want, f := range map[string]Format{
		`--format is "xls": it must be tsv or csv`:                                                 {Kind: "xls"},
		`--header is "maybe": it must be yes or no`:                                                {Header: "maybe"},
		"--quoted is for cells with tabs between, those of CSV are always quoted so: leave it out": {Kind: FormatCSV, Quoted: true},
		"--columns 1 names 1 columns: name two, as in --columns 2,1":                               {Columns: []string{"1"}},
		`--columns has "0": a column is a name or a number from 1 to 10000`:                        {Columns: []string{"1", "0"}},
		`--columns has "a" twice: name two columns`:                                                {Columns: []string{"a", "a"}},
		"--columns a,2 names columns, and with --header no they have no names: give their numbers": {Columns: []string{"a", "2"}, Header: HeaderNo},
	} {
		if err := f.Check(); err == nil || err.Error() != want {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func FuzzRecords(f *testing.F) {
	path := write(f, "a.csv", nil)
	f.Add([]byte("\ufeffa,\"b\"\r\n\n\"c\nd\",e\n"), true)
	f.Add([]byte("a;b\nc\"d;e\n\"f"), true)
	f.Add([]byte("text\tlabel\n\"a\tb\"\t\xff\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, skip bool) {
		r := NewRecords(path, data, 0, MaxLineBytes)
		for line := 0; ; {
			row, err := r.next()
			if row == nil && err != nil && r.at >= int64(len(data)) {
				return
			}
			if err != nil {
				oneLine(t, path, err)
				continue
			}
			if row.line <= line || row.line > strings.Count(string(data), "\n")+1 {
				t.Fatalf("line %d after %d", row.line, line)
			}
			line = row.line
			for _, c := range row.cells {
				if strings.ContainsAny(string(c), "\t\n\x00") {
					t.Fatalf("cell %q", c)
				}
			}
		}
	})
}
