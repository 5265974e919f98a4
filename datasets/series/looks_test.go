package series

import (
	"strings"
	"testing"
	"time"
)

// Times in several columns, and numbers that are times by the name of their column.
func TestTimesByName(t *testing.T) {
	for _, c := range []struct {
		what, header, rows string
		time, step         string
		start              time.Time
	}{
		{"a date and a clock", "Date;Time;v", "16/12/2006;17:24:00;1 16/12/2006;17:25:00;2", "", "minute",
			date(2006, 12, 16, 17).Add(24 * time.Minute)},
		{"a clock with points", "Date;Time;v", "13/03/2004;18.00.00;1 13/03/2004;19.00.00;2", "", "hour", date(2004, 3, 13, 18)},
		{"a date and an hour", "day;hr;v", "2011-01-01;22;1 2011-01-01;23;2 2011-01-02;0;3", "day,hr", "hour", date(2011, 1, 1, 22)},
		{"a year and a month", "year;month;v", "2011;11;1 2011;12;2 2012;1;3", "year,month", "month", date(2011, 11, 1, 0)},
		{"a year, a month, a day and an hour", "year;month;day;hour;v", "2013;3;1;0;1 2013;3;1;1;2", "1,2,3,4", "hour",
			date(2013, 3, 1, 0)},
		{"a year and a quarter", "year;quarter;v", "2011;4;1 2012;1;2", "year,quarter", "quarter", date(2011, 10, 1, 0)},
		{"a year and a week", "year;week;v", "2020;53;1 2021;1;2", "year,week", "week", date(2020, 12, 28, 0)},
		{"weeks", "x;v", "2020-W53;1 2021-W01;2", "", "week", date(2020, 12, 28, 0)},
		{"weeks that look like months", "week;v", "202001;1 202002;2", "", "week", date(2019, 12, 30, 0)},
		{"weeks that look like months, with a dash", "Week;v", "2020-11;1 2020-12;2", "", "week", date(2020, 3, 9, 0)},
		{"quarters first", "x;v", "Q4-2006;1 Q1-2007;2", "", "quarter", date(2006, 10, 1, 0)},
		{"months first", "x;v", "11/2006;1 12/2006;2", "", "month", date(2006, 11, 1, 0)},
		{"days with dashes", "x;v", "13-1-2020;1 14-1-2020;2", "", "day", date(2020, 1, 13, 0)},
		{"days with points", "x;v", "2020.01.31;1 2020.02.01;2", "", "day", date(2020, 1, 31, 0)},
		{"pm", "x;v", "1/13/2020_11:00pm;1 1/14/2020_12:00am;2", "", "hour", date(2020, 1, 13, 23)},
		{"days of Excel", "date;v", "43831;1 43832;2", "", "day", date(2020, 1, 1, 0)},
		{"hours of Excel", "Date;v", "43831.9583333333;1 43832;2 43832.0416666667;3", "", "hour", date(2020, 1, 1, 23)},
		{"microseconds", "time;v", "1577836800000000;1 1577840400000000;2", "", "hour", date(2020, 1, 1, 0)},
		{"seconds with a point", "time;v", "1577836800.0;1 1577840400.0;2", "", "hour", date(2020, 1, 1, 0)},
		{"a counter beyond 1500", "step;v", "1999;1 2000;2", "", "", time.Time{}},
		{"years", "t;year;v", "5;1999;1 6;2000;2", "year", "year", date(1999, 1, 1, 0)},
	} {
		rows := strings.ReplaceAll(strings.ReplaceAll(c.rows, " ", "\n"), "_", " ")
		set := read(t, "a.csv", c.header+"\n"+rows+"\n", Options{Time: c.time, Targets: []string{"v"}})
		if s := set.Series[0]; len(set.Series) != 1 || set.Step.String() != c.step || !s.Start.Equal(c.start) ||
			s.Len() != strings.Count(rows, "\n")+1 {
			t.Errorf("%s: step %q from %v, %d values", c.what, set.Step, s.Start, s.Len())
		}
	}
}

// Texts that change while time goes on are no names of series; where times come again they are.
func TestTextsBesideTimes(t *testing.T) {
	const rows = "date,y,weather,why\n2020-01-01,1,sun,1\n2020-01-02,2,rain,2\n2020-01-03,3,sun,3\n"
	set := read(t, "a.csv", rows, Options{ID: "", Targets: []string{"y"}})
	same(t, "one series", map[string][]float64{"1": {1, 2, 3}}, values(set))
	set = read(t, "a.csv", "date,y,place\n2020-01-01,1,A\n2020-01-01,2,B\n2020-01-02,3,A\n2020-01-02,4,B\n", Options{})
	same(t, "two series", map[string][]float64{"A": {1, 3}, "B": {2, 4}}, values(set))
}

// What is not read of a table is said, where nobody said what is.
func TestNotRead(t *testing.T) {
	const rows = "date,y,weather,empty\n2020-01-01,1,sun,\n2020-01-02,2,rain,\n"
	set := read(t, "a.csv", rows, Options{})
	if note := set.Notes[len(set.Notes)-1]; note != set.Name+`: not read: column 3, "weather"` {
		t.Error(note)
	}
	if set = read(t, "a.csv", rows, Options{Targets: []string{"y"}}); len(set.Notes) != 2 {
		t.Error(set.Notes)
	}
}

// Numbers of nines alone, far from all others, are named.
func TestPlaceholders(t *testing.T) {
	for _, c := range []struct{ rows, note string }{
		{"1.5 -999 2 -999 3", "-999 stands in 2 places"}, {"1.5 999.9 2 999.9", "999.9 stands in 2 places"},
		{"-999 1 2", ""}, {"-999 -999 -600", ""}, {"98 99 99", ""}, {"-200 1 -200", ""},
	} {
		set := read(t, "a.csv", "y\n"+strings.ReplaceAll(c.rows, " ", "\n")+"\n", Options{})
		note := strings.TrimPrefix(set.Notes[len(set.Notes)-1], set.Name+": ")
		if (c.note != "") != strings.Contains(note, "says that a value is missing") || !strings.HasPrefix(note, c.note) {
			t.Errorf("%s: %s", c.rows, note)
		}
	}
	cases := readCases(t, "a.csv", "a,1,-9999,2\nb,-9999,3,4\n", Options{})
	if note := cases.Notes[len(cases.Notes)-1]; !strings.Contains(note, "-9999 stands in 2 places") {
		t.Error(note)
	}
}

// Points that may be between thousands are refused beside numbers that have none.
func TestPointsBetweenThousands(t *testing.T) {
	for _, rows := range []string{"1.125 2 3.375", "12.300 14.200 0.100", "1.250 2.500 2.75 3", "1.250 0"} {
		read(t, "a.csv", "n;y\n1;"+strings.ReplaceAll(rows, " ", "\n1;")+"\n", Options{Targets: []string{"y"}})
	}
	wrongs(t, bad("points", "a.csv", "date;y\n2020-01-01;980\n2020-01-02;1.030\n2020-01-03;1.125\n",
		`FILE:3: column 2: "1.030" does not show what its point is, for whole numbers of the column have none: write 1030 if `+
			"it is between thousands, and 1.0300 if it is a decimal one"),
		bad("points of a wide table", "a.csv", "a;1.030;980\nb;990;1.250\n",
			`FILE:1: column 2: "1.030" does not show what its point is, for whole numbers of the column have none: write 1030 if `+
				"it is between thousands, and 1.0300 if it is a decimal one"))
}

// What stands between cells is found out once for a file, also where its first line says it.
func TestDelimiterIsFoundOnce(t *testing.T) {
	for _, first := range []string{"", "sep=;\n"} {
		f := &file{name: "x.csv", data: []byte(first + "time;value\n1,5;2,5\n3,5;4,5\n")}
		table, err := look(f)
		if err != nil {
			t.Fatal(err)
		}
		if f.delimiter != ';' || !f.commas || table.width != 2 || table.header[1] != "value" {
			t.Errorf("%q: %q between cells, %+v", first, f.delimiter, table)
		}
		f.data = []byte(first + "a,b;c\nd,e;f\n") // in which one would find commas
		if cells, _, err := f.records().Read(); err != nil || len(cells) != 2 || string(cells[1]) != "c" {
			t.Errorf("%q: %q, %v: it was looked for again", first, cells, err)
		}
	}
}

// What a header calls names of cases, and numbers of rows, are no values.
func TestNamesOfCases(t *testing.T) {
	for _, c := range []struct {
		data   string
		o      Options
		values []float64
	}{
		{"id,label,v1,v2\n7,a,1,2\n8,b,3,4\n", Options{}, []float64{1, 2}},
		{",label,v1,v2\n0,a,1,2\n1,b,3,4\n", Options{}, []float64{1, 2}},
		{",label,v1,v2\n5,a,1,2\n1,b,3,4\n", Options{}, []float64{5, 1, 2}},
		{"id,label,v1,v2\n7,a,1,2\n8,b,3,4\n", Options{ID: None}, []float64{7, 1, 2}},
		{"v1,v2,outcome\n1,2,0\n3,4,1\n", Options{}, []float64{1, 2}},
	} {
		same(t, c.data, [][]float64{c.values}, readCases(t, "a.csv", c.data, c.o).Cases[0].Values)
	}
	numbers := strings.Repeat("0.5,1,0\n", 6)
	for i := range 6 {
		numbers += strings.Replace("0.5X,2,1\n", "X", string(rune('0'+i)), 1)
	}
	path := write(t, "a.csv", []byte("f1,f2,kind\n"+numbers))
	_, err := ReadCases(path, Options{})
	wantError(t, "labels that are values", path, err, `FILE:1: column 1, "f1", of the labels, has 7 different ones in 12 rows, `+
		"and a classifier learns classes: name the column of the labels with --label")
	wrongs(t,
		bad("decimal commas between commas", "a.csv", "v1,v2,label\n1,5,2,5,1\n",
			"FILE:2: 5 columns, and the first row has 3: remove what is too much, or write points for decimal commas", Options{Label: "label"}))
	if cases := readCases(t, "a.csv", "f1,f2,kind\n"+numbers, Options{Regression: true}); cases.Cases[0].Number != 0.5 {
		t.Error(cases.Cases[0].Number)
	}
}
