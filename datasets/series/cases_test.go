package series

import (
	"testing"
)

func TestTS(t *testing.T) {
	const two = "@problemName x\n@timeStamps false\n@univariate false\n@dimensions 2\n@classLabel true b a\n@data\n"
	type v = [][]float64
	for _, c := range []struct {
		what, data string
		want       Cases
		notes      int
	}{
		{"one channel, labels that do not begin at 0", "@univariate true\n@classLabel true 1 2\n@data\n1,2,3:2\n4,5:1\n",
			Cases{Channels: 1, Classes: []string{"1", "2"}, Cases: []Case{
				{Line: 4, Values: v{{1, 2, 3}}, Label: "2"}, {Line: 5, Values: v{{4, 5}}, Label: "1"}}}, 0},
		{"keys in lower case, a number to predict", "@problemname c\n@timestamps false\n@missing false\n@univariate " +
			"true\n@equallength true\n@targetlabel true\n@data\n0,1:0.25\n2,3:-1e-3\n",
			Cases{Channels: 1, Regression: true, Cases: []Case{
				{Line: 8, Values: v{{0, 1}}, Label: "0.25", Number: 0.25}, {Line: 9, Values: v{{2, 3}}, Label: "-1e-3",
					Number: -1e-3}}}, 0},
		{"@targetLabel in camel case, a blank line before the keys", "# a\n\n@targetLabel true\n@data\n1:2\n",
			Cases{Channels: 1, Regression: true, Cases: []Case{{Line: 5, Values: v{{1}}, Label: "2", Number: 2}}}, 0},
		{"no keys but those of the label, not in the usual order", "#a\n\n@classLabel true 0 1\n@problemName " +
			"a\n@data\n1,2:0\n",
			Cases{Channels: 1, Classes: []string{"0", "1"}, Cases: []Case{{Line: 6, Values: v{{1, 2}}, Label: "0"}}}, 0},
		{"comments with %, ## and a byte order mark within a line",
			"%# a\n## b\n#\ufeff# c ä\n" + two + "%x\n1:2:a\n\n# y\n3:4:b\n",
			Cases{Channels: 2, Classes: []string{"b", "a"}, Cases: []Case{
				{Line: 11, Values: v{{1}, {2}}, Label: "a"}, {Line: 14, Values: v{{3}, {4}}, Label: "b"}}}, 0},
		{"words with capitals, in the order of the header", "@classLabel true Standing Running\n@data\n1:Running\n",
			Cases{Channels: 1, Classes: []string{"Standing",
				"Running"}, Cases: []Case{{Line: 3, Values: v{{1}}, Label: "Running"}}}, 0},
		{"classes that are not given", "@classLabel true\n@data\n1:b\n2:a\n",
			Cases{Channels: 1, Cases: []Case{{Line: 3, Values: v{{1}}, Label: "b"}, {Line: 4, Values: v{{2}}, Label: "a"}}}, 0},
		{"@dimension", "@dimension 2\n@classLabel true a\n@data\n1:2:a\n",
			Cases{Channels: 2, Classes: []string{"a"}, Cases: []Case{{Line: 4, Values: v{{1}, {2}}, Label: "a"}}}, 0},
		{"missing values, and one at the end", two + "1,?,NaN,4:?,2,3,?:a\n1,?:2,NaN:b\n",
			Cases{Channels: 2, Classes: []string{"b", "a"}, Cases: []Case{
				{Line: 7, Values: v{{1, nan, nan, 4}, {nan, 2, 3, nan}}, Label: "a"}, {Line: 8, Values: v{{1}, {2}},
					Label: "b"}}}, 0},
		{"an empty channel, and a shorter one", two + ":1,2:a\n1,2,3:4: b \n",
			Cases{Channels: 2, Classes: []string{"b", "a"}, Cases: []Case{
				{Line: 7, Values: v{{nan, nan}, {1, 2}}, Label: "a"}, {Line: 8, Values: v{{1, 2, 3}, {4, nan, nan}},
					Label: "b"}}}, 1},
		{"no label, so that the last part is a channel", "@classlabel false\n@targetlabel false\n@data\n1,2:3,4\n",
			Cases{Channels: 2, Unlabelled: true, Cases: []Case{{Line: 4, Values: v{{1, 2}, {3, 4}}}}}, 0},
		{"exponents", "@classLabel true a\n@data\n8.6429E-4,-1e2:a\n",
			Cases{Channels: 1, Classes: []string{"a"}, Cases: []Case{{Line: 3, Values: v{{8.6429e-4, -100}}, Label: "a"}}}, 0},
		{"another length than it says", "@equalLength true\n@seriesLength 3\n@classLabel true a\n@data\n1,2,3:a\n1,2:a\n",
			Cases{Channels: 1, Classes: []string{"a"}, Cases: []Case{{Line: 5, Values: v{{1, 2, 3}}, Label: "a"}, {Line: 6,
				Values: v{{1, 2}}, Label: "a"}}}, 1},
	} {
		got := readCases(t, "a.ts", c.data, Options{})
		if len(got.Notes) != c.notes {
			t.Errorf("%s: notes %q", c.what, got.Notes)
		}
		got.Name, got.SHA256, got.Notes = "", "", nil
		same(t, c.what, &c.want, got)
	}
}

func TestWrongTS(t *testing.T) {
	const head = "@classLabel true a b\n@data\n"
	wrongs(t,
		bad("no @data", "a.ts", "@classLabel true a\n",
			"FILE: it has no @data, after which the series are: complete it, or choose another file"),
		bad("no header", "a.ts", "1,2:a\n",
			`FILE:1: "1,2:a" stands before @data, and is neither a key, which begins with @, nor a comment: correct it`),
		bad("no cases", "a.ts", head, "FILE: no cases: the file ends before the first"),
		bad("neither true nor false", "a.ts", "@univariate 1\n@data\n",
			`FILE:1: @univariate is "1": it must be true or false`),
		bad("no value of a key", "a.ts", "@targetlabel\n@data\n",
			`FILE:1: @targetlabel is "": it must be true or false`),
		bad("two kinds of labels", "a.ts", "@targetlabel true\n@classlabel true\n@data\n",
			"FILE:2: it has @classLabel true and @targetLabel true, or one of them twice: keep one"),
		bad("a class twice", "a.ts", "@classLabel true a b a\n@data\n", `FILE:1: @classLabel has "a" twice: keep one`),
		bad("dimensions", "a.ts", "@dimensions 0\n@data\n", `FILE:1: @dimensions is "0": it must be a number from 1`),
		bad("a label that the header lacks", "a.ts", head+"1:a\n2:A\n",
			`FILE:4: the label "A" is not among those of @classLabel (a, b): correct one of them`),
		bad("an empty label", "a.ts", "@classLabel true\n@data\n1:\n",
			"FILE:3: the label is empty: remove the line or complete it"),
		bad("no label", "a.ts", head+"1,2\n", "FILE:3: no colon: a case is its values, a colon and its label"),
		bad("a label that is no number", "a.ts", "@targetLabel true\n@data\n1:x\n",
			`FILE:3: the label: "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("a number that is missing", "a.ts", "@targetLabel true\n@data\n1:?\n",
			`FILE:3: the label, a number, is missing ("?"): remove the line or complete it`),
		bad("a channel too few", "a.ts", "@dimensions 2\n"+head+"1:2:a\n1:a\n",
			"FILE:5: 1 channel, and 2 are wanted: complete the line, or correct @dimensions"),
		bad("a channel too many", "a.ts", head+"1:a\n1:2:a\n",
			"FILE:4: 2 channels, and 1 are wanted: complete the line, or correct @dimensions"),
		bad("no value", "a.ts", head+"1:a\n?,NaN:b\n", "FILE:4: no value: remove the line or complete it"),
		bad("a value that is none", "a.ts", head+"1,2:a\n1,y,3:b\n",
			`FILE:4: value 2: "y" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("a parenthesis", "a.ts", head+"(1,2:a\n",
			"FILE:3: a parenthesis is not closed: a value with its time is (time,value)"),
		bad("a parenthesis in another", "a.ts", head+"((1,2):a\n",
			"FILE:3: the parentheses do not match: a value with its time is (time,value)"),
		bad("a time without a value", "a.ts", head+"(1):a\n",
			"FILE:3: (1) has no value: a value with its time is (time,value)"),
		bad("something after a value", "a.ts", head+"(1,2),3:a\n",
			`FILE:3: "3" stands after a value with its time: a channel is (time,value),(time,value)`),
		bad("an error page", "a.ts", "<!DOCTYPE html>\n",
			"FILE:1: it begins with <!DOCTYPE, which is markup, and a text is wanted, a line each: convert it"),
	)
}

// The label is first, and short series are filled up with NaN.
func TestUCR(t *testing.T) {
	got := readCases(t, "a.tsv.gz", string(zip(t, "2\t1.5\t-2\n10\t3\tNaN\n-1\tNaN\t4\n")), Options{})
	same(t, "cases", []Case{
		{Line: 1, Values: [][]float64{{1.5, -2}}, Label: "2"},
		{Line: 2, Values: [][]float64{{3}}, Label: "10"},
		{Line: 3, Values: [][]float64{{nan, 4}}, Label: "-1"},
	}, got.Cases)
	same(t, "classes", []string{"-1", "2", "10"}, got.Names())
	got = readCases(t, "a.tsv", "2\t1.5\t-2\n10\t3\tNaN\n", Options{Regression: true})
	if !got.Regression || got.Cases[1].Number != 10 {
		t.Errorf("the label is %g", got.Cases[1].Number)
	}
	wrongs(t,
		bad("no tab", "a.tsv", "1\t2\n3 4\n", "FILE:2: no tab: a line is a label and its values, with tabs between"),
		bad("no number", "a.tsv", "1\t2\tx\n",
			`FILE:1: column 3: "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("no label", "a.tsv", "\t2\t3\n", "FILE:1: the label is empty: remove the line or complete it"),
		bad("nothing", "a.tsv", "\n\n", "FILE: no cases: the file ends before the first"),
	)
}

// Of a wide table whose header calls no column so, the only texts are the labels.
func TestLabelsLast(t *testing.T) {
	for _, data := range []string{"1,2,up\n3,4,down\n", "a,b,y\n1,2,up\n3,4,down\n"} {
		got := readCases(t, "a.csv", data, Options{})
		same(t, "classes", []string{"down", "up"}, got.Names())
		same(t, "values", [][]float64{{3, 4}}, got.Cases[1].Values)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		cases Cases
		want  []string
	}{
		{Cases{Classes: []string{"b", "a"}, Cases: []Case{{Label: "a"}}}, []string{"b", "a"}},
		{Cases{Cases: []Case{{Label: "10"}, {Label: "9"}, {Label: "10"}, {Label: "1"}}}, []string{"1", "9", "10"}},
		{Cases{Cases: []Case{{Label: "c10"}, {Label: "c9"}}}, []string{"c10", "c9"}},
	} {
		same(t, "classes", c.want, c.cases.Names())
	}
}

// Values with their times, which have colons; digits alone count steps.
func TestTimedTS(t *testing.T) {
	const head = "@timestamps true\n@classLabel true a b\n@data\n"
	c := readCases(t, "a.ts", head+"(2004-08-10 18:00:00,1130.0),(2004-08-10 18:30:00,?),(2004-08-10 "+
		"19:00:00,2):(0,5),(1,6.5):a\n"+
		"(3,1) , (5,2):(2004,7),(2005,8):b\n", Options{})
	same(t, "cases", []Case{
		{Line: 4, Values: [][]float64{{1130, nan, 2}, {5, 6.5, nan}}, Label: "a"},
		{Line: 5, Values: [][]float64{{1, 2}, {7, 8}}, Label: "b"},
	}, c.Cases)
	c = readCases(t, "a.ts", head+"(0,1),(1,2),(3,4):a\n", Options{FillGaps: true})
	same(t, "a gap", [][]float64{{1, 2, nan, 4}}, c.Cases[0].Values)
	wrongs(t,
		bad("a gap", "a.ts", head+"(0,1),(1,2),(3,4):a\n",
			"FILE:4: 1 time is missing between 1 of line 4 and 3: complete the file"),
		bad("a time twice", "a.ts", head+"(0,1),(1,2),(1,4):a\n",
			"FILE:4: value 3: its time 1 is not after that of the value before: sort them by time, each once"),
		bad("no time", "a.ts", head+"(soon,1):a\n",
			`FILE:4: "soon" is not a time as a number that counts steps: write all times of a case so`),
		bad("another form", "a.ts", head+"(2020-01-01,1),(2,1):a\n",
			`FILE:4: "2" is not a time as 2006-01-02: write all times of a case so`),
	)
}

func TestCaseTables(t *testing.T) {
	want := []Case{{Line: 2, Values: [][]float64{{1, 2, 3}}, Label: "up"}, {Line: 3, Values: [][]float64{{3, nan, 1}},
		Label: "down"}}
	for _, c := range []struct {
		what, data string
		Options
	}{
		{"the label is first", "label,t1,t2,t3\nup,1,2,3\ndown,3,,1\n", Options{}},
		{"the label is called so", "t1,t2,class,t3\n1,2,up,3\n3,,down,1\n", Options{}},
		{"the label is last", "a,b,c,d\n1,2,3,up\n3,,1,down\n", Options{Label: "4"}},
		{"names", "a,b,c,d,e\nx,1,2,3,up\ny,3,,1,down\n", Options{Label: "e", ID: "a", Layout: Wide}},
	} {
		same(t, c.what, want, readCases(t, "a.csv", c.data, c.Options).Cases)
	}
	want = []Case{
		{Line: 2, Values: [][]float64{{1, 2, 3}, {5, 6, nan}}, Label: "up"},
		{Line: 3, Values: [][]float64{{3, 1}, {nan, 4}}, Label: "down"},
	}
	const rows = "a,0,1,5,up\nb,0,3,?,down\na,1,2,6,up\na,2,3,,up\nb,1,1,4,down\n"
	same(t, "a row for each moment", want, readCases(t, "a.csv", "case,step,x,y,label\n"+rows, Options{}).Cases)
	same(t, "as is said", want, readCases(t, "a.csv", "case,step,x,y,z\n"+rows,
		Options{ID: "case", Time: "step", Targets: []string{"x", "y"}, Label: "z"}).Cases)
	numbers := readCases(t, "a.csv", "id,step,x,target\na,0,1,2.5\na,1,2,2.5\n", Options{Regression: true})
	same(t, "numbers", []Case{{Line: 2, Values: [][]float64{{1, 2}}, Label: "2.5", Number: 2.5}}, numbers.Cases)
	wrongs(t,
		bad("two labels", "a.csv", "id,step,x,label\na,0,1,up\na,1,2,down\n",
			`FILE:3: series "a": the label is "down", and "up" in line 2: a series has one`, Options{Label: "label"}),
		bad("no label", "a.csv", "id,step,x,z\na,0,1,up\na,1,2,up\n",
			`FILE:1: there is no column "label", the header has id, step, x, z: correct --label`, Options{Label: "label"}),
		bad("no names", "a.csv", "step,x,label\n0,1,1\n1,2,1\n",
			"FILE: which rows belong to a case is not to be told: name the column that says it with --id",
			Options{Label: "label", Time: "step"}),
		bad("blanks between cells", "a.txt", "  1.0e+00  -1.1e+00\n",
			`FILE:1: "1.0e+00  -1.1e+00" has several numbers: write commas, semicolons or tabs between cells`),
		bad("a label alone", "a.csv", "x\ny\n", "FILE:1: a label and no value: complete the row", Options{Label: "1"}),
		bad("a short row", "a.csv", "1,2,x\n3,y\n", "FILE:2: no column 3: complete the row", Options{Label: "3"}),
		bad("two texts", "a.csv", "a,1,x\nb,2,y\n",
			`FILE:1: column 3: "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("a text", "a.csv", "x,y,z\n1,a,up\n1,b,up\n",
			`FILE:2: column 2, "y": "a" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`,
			Options{Label: "z"}),
	)
	wrongs(t,
		bad("JSON", "a.json", "[\n{\"y\": 1}]\n",
			"FILE: it begins as JSON does: make CSV of it, for example with jq -r '.[]|[.time,.value]|@csv'"),
		bad("ARFF", "a.arff", "@relation x\n@data\n1,2,a\n",
			"FILE: a .arff file is not read: use the .ts or .tsv file of the same data, or make CSV of it"),
		bad("a gap in a table", "a.csv", "id,step,x,label\na,0,1,up\na,1,2,up\na,3,2,up\n",
			"FILE:4: series \"a\": 1 time is missing between 1 of line 3 and 3: complete the file, or give --time none, "+
				"which takes the rows as they are", Options{Label: "label"}),
	)
	path := write(t, "a.tsf", nil)
	_, err := ReadCases(path, Options{})
	wantError(t, "series to forecast", path, err, "FILE: a .tsf file has series to forecast, and no labels")
}
