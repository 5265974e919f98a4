package series

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// A table as those of M4: a header without meaning, quoted names and values, rows filled up with empty cells.
func TestWideOfM4(t *testing.T) {
	const table = "\"V1\",\"V2\",\"V3\",\"V4\",\"V5\"\n\"H1\",\"605\",\"586\",\"5.5\",\"0\"\n\"H2\",\"3124\",\"-2990\",,\n"
	for name, data := range map[string][]byte{"a.csv": []byte(table), "a.csv.gz": zip(t, table),
		"a.txt": []byte("\ufeff" + table)} {
		path := write(t, name, data)
		set, err := Read(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, &Set{
			Name: path, SHA256: sum([]byte(map[bool]string{true: "\ufeff"}[name == "a.txt"] + table)),
			Targets: []string{"value"},
			Series: []Series{
				{ID: "H1", Line: 2, Values: [][]float64{{605, 586, 5.5, 0}}},
				{ID: "H2", Line: 3, Values: [][]float64{{3124, -2990}}},
			},
			Notes: []string{path + ": line 1 is a header; --header no if it is none"},
		}, set)
	}
}

func TestWide(t *testing.T) {
	type want = map[string][]float64
	for _, c := range []struct {
		what, data string
		Options
		want
		notes int
	}{
		{"no header", "a,1,2\nb,3,4\n", Options{}, want{"a": {1, 2}, "b": {3, 4}}, 0},
		{"semicolons", "a;1;2\nb;3;4\n", Options{}, want{"a": {1, 2}, "b": {3, 4}}, 0},
		{"tabs, CRLF and blanks", "a\t 1\t2\r\n\r\nb\t3 \t4\r\n", Options{}, want{"a": {1, 2}, "b": {3, 4}}, 0},
		{"ragged", "a,1\nb,3,4,5\n", Options{}, want{"a": {1}, "b": {3, 4, 5}}, 0},
		{"missing inside and at the ends", "a,,1,NaN,?,null,nA,N/A,2,NA,\n",
			Options{}, want{"a": {1, nan, nan, nan, nan, nan, 2}}, 0},
		{"numbers of all kinds", "a,1e3,-.5,+7,1E-2\n", Options{}, want{"a": {1000, -0.5, 7, 0.01}}, 0},
		{"no names", "1.5,2,3\n4,5,6\n", Options{}, want{"1": {1.5, 2, 3}, "2": {4, 5, 6}}, 1},
		{"no names, said", "1,2,3\n2,5,6\n3,8,9\n",
			Options{ID: None}, want{"1": {1, 2, 3}, "2": {2, 5, 6}, "3": {3, 8, 9}}, 0},
		{"names that count", "1,2,3\n2,5,6\n3,8,9\n", Options{}, want{"1": {2, 3}, "2": {5, 6}, "3": {8, 9}}, 1},
		{"names that are numbers, said", "17,2,3\n5,5,6\n", Options{ID: "1"}, want{"17": {2, 3}, "5": {5, 6}}, 0},
		{"names that are numbers, by the header", "id,1,2\n17,2,3\n5,5,6\n", Options{}, want{"17": {2, 3}, "5": {5, 6}}, 1},
		{"a header that counts", "id,1,2,3\na,4,5,6\n", Options{}, want{"a": {4, 5, 6}}, 1},
		{"a header of years", "store,2020,2021,2022\na,4,5,6\n", Options{}, want{"a": {4, 5, 6}}, 1},
		{"a header, said", "7,8,9\na,1,2\n", Options{Header: "yes"}, want{"a": {1, 2}}, 0},
		{"no header, said", "id,1,2,3\na,4,5,6\n", Options{Header: "no"}, want{"id": {1, 2, 3}, "a": {4, 5, 6}}, 0},
		{"one value each", "a,1\nb,2\n", Options{Header: "no"}, want{"a": {1}, "b": {2}}, 0},
	} {
		set := read(t, "a.csv", c.data, c.Options)
		same(t, c.what, c.want, values(set))
		if len(set.Notes) != c.notes {
			t.Errorf("%s: notes %q", c.what, set.Notes)
		}
	}
}

func TestWrongWide(t *testing.T) {
	wrongs(t,
		bad("empty", "a.csv", "", "FILE: the file is empty: choose another one"),
		bad("a header alone", "a.csv", "id,1,2\n", "FILE: no series: a row is a series, its name and its values"),
		bad("a header of times alone", "a.csv", "id,2024-01-01,2024-01-02\n", "FILE: no series: a row is a series, its name and its values"),
		bad("no value", "a.csv", "a,1\nb,,\n", `FILE:2: series "b" has no value: remove it or complete it`),
		bad("text", "a.csv", "a,1,2\nb,3,x\n",
			`FILE:2: column 3: "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("hexadecimal", "a.csv", "a,1,2\nb,3,0x1p4\n",
			`FILE:2: column 3: "0x1p4" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("infinite", "a.csv", "a,1\nb,-Inf\n",
			`FILE:2: column 2: "-Inf" is not a finite number: correct it, or leave the cell empty if the value is missing`),
		bad("too large", "a.csv", "a,1\nb,1e999\n",
			`FILE:2: column 2: "1e999" is not a finite number: correct it, or leave the cell empty if the value is missing`),
		bad("decimal commas between commas", "a.csv", "id,V1,V2\na,1,5,2,5\n",
			"FILE:2: 5 columns, and the first row has 3: remove what is too much, or write points for decimal commas"),
		bad("times that may be either", "a.csv", "id,1/1/2024,1/2/2024\na,1,2\n",
			`FILE:1: column 2: in "1/1/2024" it does not show which number is the day: give --time-form DD/MM/YYYY or --time-form MM/DD/YYYY`),
		bad("a comma that may be either", "a.csv", "a;1;2\nb;3;-4,500\n",
			`FILE:2: column 3: "-4,500" does not show what its comma is: write -4.500 if it is a decimal one, or -4500 if it is between thousands`),
		bad("three decimals", "a.csv", "a,1,2\nb,3,\"0,125\"\n", `FILE:2: column 3: "0,125" has a decimal comma: write 0.125`),
		bad("too large", "a.csv", "a;1;2\nb;3;-4e38\n",
			`FILE:2: column 3: "-4e38" is larger than what is computed with, 3.4e+38: use a larger unit`),
		bad("grouped digits", "a.csv", "a,1\nb,\"1,234.5\"\n",
			`FILE:2: column 2: "1,234.5" has commas between its digits: write 1234.5`),
		bad("doubled name", "a.csv", "a,1\nb,2\na,3\n", `FILE:3: series "a" is in line 1, too: give it another name`),
		bad("no name", "a.csv", "a,1\n,2\n", "FILE:2: column 1, the name of the series, is empty: write it"),
		bad("names elsewhere", "a.csv", "a,1\nb,2\n",
			`FILE: the names of the series of a wide table are in column 1, and not in "2": leave out --id, or give --layout long`, Options{ID: "2", Layout: Wide}),
		bad("NUL", "a.csv", "a,1\nb,\x002\n", "FILE:2:3: byte 6 is NUL, so this is not text: choose another file"),
		bad("a quotation mark", "a.csv", "a,1\nb,\"2\"3\n",
			"FILE:2: a quotation mark stands where CSV has none: write two for one, and one on each side of the cell"),
		bad("CR", "a.csv", "a,1\rb,2\r",
			`FILE: its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`),
		bad("not gzip", "a.csv.gz", "a,1\n",
			"FILE: the name ends in .gz, the contents are not gzip: download it again, or rename it if it is not compressed"),
	)
}

// A compressed file that is not what it seems is refused; the same, uncompressed, is as large as it seems.
func TestHeldOfAFile(t *testing.T) {
	before := leastHeld
	t.Cleanup(func() { leastHeld = before })
	leastHeld = 120
	var rows bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&rows, "%d%s\n", i, strings.Repeat(",1", 20))
	}
	if _, err := Read(write(t, "a.csv", rows.Bytes()), Options{Header: "no"}); err != nil {
		t.Error(err)
	}
	packed := zip(t, rows.String())
	want := fmt.Sprintf("more than %d values", heldPerByte*len(packed))
	if _, err := Read(write(t, "a.csv.gz", packed), Options{Header: "no"}); err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// What does not fit into memory is refused, with the place.
func TestHeldValues(t *testing.T) {
	before := maxHeld
	t.Cleanup(func() { maxHeld = before })
	maxHeld = 120
	var timed strings.Builder
	for i := range 30 {
		fmt.Fprintf(&timed, "(%d,1),", i)
	}
	const words = ": more than 120 values (a series counts for 32 more), the most that are held in memory: use a " +
		"part of the file, or uncompress it"
	wrongs(t,
		bad("wide", "a.csv", strings.Repeat("x,1\n", 4), "FILE:4"+words, Options{Header: "no"}),
		bad("long", "a.csv", "date,y\n"+strings.Repeat("2020,1\n", 30), "FILE:19"+words, Options{Time: "date"}),
		bad("a gap of many years", "a.csv", "date,y\n2020,1\n2021,2\n2022,3\n9000,4\n",
			"FILE:5"+words, Options{Time: "date", FillGaps: true}),
		bad(".tsf", "a.tsf", "@data\n1\n2\n3\n4\n", "FILE:5"+words),
		bad(".ts", "a.ts", "@data\n1:"+strings.Repeat(",", 100)+"\n", "FILE:2"+words),
		bad(".ts with times", "a.ts", "@timestamps true\n@data\n"+timed.String()+":1\n", "FILE:3"+words),
		bad(".tsv", "a.tsv", "a\t"+strings.Repeat("1\t", 100)+"\n", "FILE:1"+words),
		bad("cases in CSV", "a.csv", "a,"+strings.Repeat("1,", 100)+"\n", "FILE:1"+words, Options{Label: "1"}),
	)
}
