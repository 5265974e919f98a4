package series

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func date(year int, month time.Month, day, hour int) time.Time {
	return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
}

// All that a long table can have.
func TestLong(t *testing.T) {
	const table = `store,date,sales,price,region
A,2024-02-28,5,1.5,north
B,2024-02-28,7,2,"so,uth"
A,2024-02-29,,1.5,north
A,2024-03-01,6,1,north
B,2024-02-29,8,2.5,"so,uth"
A,2024-03-02,,1.25,north
A,2024-03-03,NA,?,north
`
	options := Options{ID: "store", Time: "date",
		Targets: []string{"sales"}, Known: []string{"4"}, Static: []string{"region"}}
	want := func(set *Set) *Set {
		return &Set{
			Name: set.Name, SHA256: set.SHA256, Targets: []string{"sales"}, Known: []string{"price"},
			Static: []string{"region"},
			Step:   Step{Seconds: day}, Season: 7,
			Notes: []string{set.Name + ": line 1 is a header; --header no if it is none"},
			Series: []Series{
				{ID: "A", Line: 2, Start: date(2024, 2, 28, 0), Values: [][]float64{{5, nan, 6}}, Known: [][]float64{{1.5, 1.5, 1, 1.25, nan}},
					Static: []string{"north"}},
				{ID: "B", Line: 3, Start: date(2024, 2, 28, 0), Values: [][]float64{{7, 8}}, Known: [][]float64{{2, 2.5}}, Static: []string{"so,uth"}},
			},
		}
	}
	for name, data := range map[string]string{
		"commas": table, "CRLF and a byte order mark": "\ufeff" + strings.ReplaceAll(table, "\n", "\r\n"),
		"semicolons": strings.ReplaceAll(strings.ReplaceAll(table, ",", ";"), "so;uth", "so,uth"),
		"tabs":       strings.ReplaceAll(strings.ReplaceAll(table, ",", "\t"), "so\tuth", "so,uth"),
	} {
		set := read(t, "a.csv", data, options)
		same(t, name, want(set), set)
	}
	// Without a header, columns have numbers.
	_, rows, _ := strings.Cut(table, "\n")
	set := read(t, "a.csv", rows, Options{ID: "1", Time: "2",
		Targets: []string{"3"}, Known: []string{"4"}, Static: []string{"5"}})
	same(t, "no header", []string{"3", "4", "5"}, []string{set.Targets[0], set.Known[0], set.Static[0]})
	for i := range set.Series {
		set.Series[i].Line++
	}
	same(t, "no header", want(set).Series, set.Series)
}

// What is taken for what when nobody says it.
func TestLongByItsLooks(t *testing.T) {
	type want struct {
		columns string // time, name and value, as the note has them
		start   time.Time
		step    string
		series  map[string][]float64
	}
	one := func(x ...float64) map[string][]float64 { return map[string][]float64{"1": x} }
	for _, c := range []struct {
		what, data string
		Options
		want
	}{
		{"months", "Date,Passengers\n1949-01,112\n1949-02,118\n1949-03,132\n", Options{},
			want{`column 1, "Date" is the time, column 2, "Passengers" is the value`, date(1949, 1, 1, 0), "month",
				one(112, 118, 132)}},
		{"the index of a data frame, years", ",0\n1821,269\n1822,321\n1823,585\n", Options{},
			want{`column 1 is the time, column 2, "0" is the value`, date(1821, 1, 1, 0), "year", one(269, 321, 585)}},
		{"no header", "2020-01-01,A,5\n2020-01-01,B,6\n2020-01-08,A,7\n", Options{},
			want{"column 1 is the time, column 2 is the name of the series, column 3 is the value", date(2020, 1, 1, 0), "week",
				map[string][]float64{"A": {5, 7}, "B": {6}}}},
		{"names of M5 and others", "unique_id,ds,y,id2\n1,2020-01-01 00:00:00,5,x\n1,2020-01-01 " +
			"00:30:00,6,x\n2,2020-01-01 00:00:00,7,x\n", Options{},
			want{`column 2, "ds" is the time, column 1, "unique_id" is the name of the series, column 3, "y" is the value`,
				date(2020, 1, 1, 0), "30 minutes", map[string][]float64{"1": {5, 6}, "2": {7}}}},
		{"a column of values", "y\n5\n6\n", Options{}, want{`column 1, "y" is the value`, time.Time{}, "", one(5, 6)}},
		{"a column of values without a header", "5\n6\n", Options{}, want{"column 1 is the value", time.Time{}, "",
			one(5, 6)}},
		{"said to be long", "data,label\n0.5,0\n0.25,1\n", Options{Targets: []string{"data"}}, want{"", time.Time{}, "",
			one(0.5, 0.25)}},
		{"names in two columns", "store,item,date,sales\n1,7,2013-01-01,13\n1,8,2013-01-01,11\n1,7,2013-01-02,5\n",
			Options{ID: "store,item", Targets: []string{"sales"}},
			want{`column 3, "date" is the time`, date(2013, 1, 1, 0), "day",
				map[string][]float64{"1,7": {13, 5}, "1,8": {11}}}},
		{"times that are none", "month,y\n12,5\n1,6\n", Options{Time: None}, want{`column 2, "y" is the value`,
			time.Time{}, "", one(5, 6)}},
		{"steps that are counted", "step,value\n1,5\n2,6\n3,7\n", Options{},
			want{`column 1, "step" is the time, column 2, "value" is the value`, time.Time{}, "", one(5, 6, 7)}},
	} {
		set := read(t, "a.csv", c.data, c.Options)
		got := want{"", set.Series[0].Start, set.Step.String(), values(set)}
		for _, note := range set.Notes {
			if note = strings.TrimPrefix(note, set.Name+": "); strings.HasPrefix(note, "column") {
				got.columns = note
			}
		}
		if got.columns != c.columns || !got.start.Equal(c.start) || got.step != c.step {
			t.Errorf("%s:\ngot  %v\nwant %v", c.what, got, c.want)
		}
		same(t, c.what, c.series, got.series)
	}
}

// Each column a series, with covariates for all.
func TestColumns(t *testing.T) {
	set := read(t, "a.csv", "date,MT_1,MT_2,holiday\n2020-01-01 00:00,,5,0\n2020-01-01 01:00,1,6,1\n2020-01-01 "+
		"02:00,2,,0\n",
		Options{Layout: Columns, Known: []string{"holiday"}})
	same(t, "series", []Series{
		{ID: "MT_1", Line: 2, Start: date(2020, 1, 1, 1), Values: [][]float64{{1, 2}}, Known: [][]float64{{1, 0}}},
		{ID: "MT_2", Line: 2, Start: date(2020, 1, 1, 0), Values: [][]float64{{5, 6}}, Known: [][]float64{{0, 1, 0}}},
	}, set.Series)
	same(t, "targets", []string{"value"}, set.Targets)
}

// A wide table whose header has times.
func TestWideTimes(t *testing.T) {
	set := read(t, "a.csv", "Page,2015-07-01,2015-07-02,2015-07-04\na,,2,3\nb,4,5\n", Options{FillGaps: true})
	same(t, "series", []Series{
		{ID: "a", Line: 2, Start: date(2015, 7, 2, 0), Values: [][]float64{{2, nan, 3}}},
		{ID: "b", Line: 3, Start: date(2015, 7, 1, 0), Values: [][]float64{{4, 5}}},
	}, set.Series)
	same(t, "step", Step{Seconds: day}, set.Step)
}

// Steps are worked out from times, in every form.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		times string
		step  string
		start time.Time
	}{
		{"2020-01-31 2020-02-29 2020-03-31", "month", date(2020, 1, 31, 0)}, // month ends
		{"2020-06-30 2020-09-30 2020-12-31", "quarter", date(2020, 6, 30, 0)},
		{"2020-01-30 2020-02-29 2020-03-30", "month", date(2020, 1, 30, 0)}, // the same day, if there is one
		{"2020-01-15 2020-02-15 2020-03-15", "month", date(2020, 1, 15, 0)},
		{"2021-02-01 2021-03-01", "month", date(2021, 2, 1, 0)}, // and not four weeks
		{"2021-02-01 2021-03-01 2021-03-29", "4 weeks", date(2021, 2, 1, 0)},
		{"2019-12-31 2020-12-31 2021-12-31", "year", date(2019, 12, 31, 0)},
		{"2020-02-29 2021-02-28 2022-02-28", "year", date(2020, 2, 29, 0)},
		{"2020-02-28 2020-02-29 2020-03-01", "day", date(2020, 2, 28, 0)},
		{"2020-02-28T22:00 2020-02-28T23:00 2020-02-29T00:00", "hour", date(2020, 2, 28, 22)},
		{"2020-02-28T22:00:00Z 2020-02-28T22:00:10Z", "10 seconds", date(2020, 2, 28, 22)},
		{"2020-02-28T22:00:00+02:00 2020-02-28T23:00:00+02:00", "hour", date(2020, 2, 28, 20)},
		{"2024-03-31T01:00:00+01:00 2024-03-31T03:00:00+02:00 2024-03-31T04:00:00+02:00", "hour",
			date(2024, 3, 31, 0)}, // summer time
		{"2020/02/28 2020/02/29", "day", date(2020, 2, 28, 0)},
		{"28.02.2020 29.02.2020", "day", date(2020, 2, 28, 0)},
		{"2020-2-9 2020-2-10", "day", date(2020, 2, 9, 0)},
		{"13/1/2020 14/1/2020", "day", date(2020, 1, 13, 0)},
		{"1/13/2020 1/14/2020", "day", date(2020, 1, 13, 0)},
		{"2006Q4 2007Q1", "quarter", date(2006, 10, 1, 0)},
		{"2006-Q4 2007-q1", "quarter", date(2006, 10, 1, 0)},
		{"Nov-2006 Dec-2006", "month", date(2006, 11, 1, 0)},
		{"30-Nov-2006 1-Dec-2006", "day", date(2006, 11, 30, 0)},
		{"2006M11 2006M12", "month", date(2006, 11, 1, 0)},
		{"2006 2007", "year", date(2006, 1, 1, 0)},
		{"200611 200612 200701", "month", date(2006, 11, 1, 0)},
		{"20061130 20061201", "day", date(2006, 11, 30, 0)},
		{"1577836800 1577840400", "hour", date(2020, 1, 1, 0)},
		{"1577836800000 1577836860000", "minute", date(2020, 1, 1, 0)},
		{"2020-01-01T00:00:00.000 2020-01-01T00:15:00.000", "15 minutes", date(2020, 1, 1, 0)},
		{"1200-01-01 1600-01-01 2000-01-01", "400 years", date(1200, 1, 1, 0)},
		{"2024-03-30T00:00:00+01:00 2024-03-31T00:00:00+01:00 2024-04-01T00:00:00+02:00", "day", date(2024, 3, 30, 0)},
		{"2024-03-01T00:00:00+01:00 2024-04-01T00:00:00+02:00 2024-05-01T00:00:00+02:00", "month", date(2024, 3, 1, 0)},
		{"2024-10-27T02:00+02:00 2024-10-27T02:00+01:00 2024-10-27T03:00+01:00", "hour", date(2024, 10, 27, 0)},
		{"2024-10-27T02:00+0200 2024-10-27T02:00+0100", "hour", date(2024, 10, 27, 0)},
		{"20241027T020000 20241027T021500", "15 minutes", date(2024, 10, 27, 2)},
		{"2024102722 2024102723 2024102800", "hour", date(2024, 10, 27, 22)},
		{"202410272359 202410280000", "minute", date(2024, 10, 27, 24).Add(-time.Minute)},
		{"20241027235959 20241028000000", "second", date(2024, 10, 27, 24).Add(-time.Second)},
		{"2020-05-05", "", time.Time{}},
	} {
		var table strings.Builder
		table.WriteString("time,value\n")
		for i, at := range strings.Fields(c.times) {
			fmt.Fprintf(&table, "%s,%d\n", at, i+1)
		}
		set := read(t, "a.csv", table.String(), Options{})
		s := set.Series[0]
		if set.Step.String() != c.step || !s.Start.Equal(c.start) {
			t.Errorf("%s: step %q from %v", c.times, set.Step, s.Start)
		}
		if n := len(strings.Fields(c.times)); s.Len() != n {
			t.Errorf("%s: %d values", c.times, s.Len())
		}
	}
}

func TestTimeForm(t *testing.T) {
	const table = "date,y\n1/2/2020,1\n2/2/2020,2\n3/2/2020,3\n"
	if set := read(t, "a.csv", table, Options{TimeForm: DayFirst}); set.Step.String() != "day" {
		t.Errorf("step %s", set.Step)
	}
	if set := read(t, "a.csv", table, Options{TimeForm: MonthFirst}); set.Step.String() != "month" {
		t.Errorf("step %s", set.Step)
	}
}

func TestTimesWithBlanks(t *testing.T) {
	for cell, want := range map[string]time.Time{
		"2020-01-01 12:00:00 AM": date(2020, 1, 1, 0), "2020-1-1 1:00 PM": date(2020, 1, 1, 13), "3 feb 2020": date(2020, 2,
			3, 0),
		"13/1/2020 9:00": date(2020, 1, 13, 9), "January 2020": date(2020, 1, 1, 0), "2020 Q3": date(2020, 7, 1, 0),
		"2020-01-01 05-00-00": date(2020, 1, 1, 5), "2020-01-01 05:00:00+05:00": date(2020, 1, 1, 0),
		"2020-01-01 05:00 +05:00": date(2020, 1, 1, 0), "2020-01-01 05:00:00-0500": date(2020, 1, 1, 10),
		"01.01.2020 05:00:00+05": date(2020, 1, 1, 0), "2020-01-01 05:00:00 UTC": date(2020, 1, 1, 5),
		"3 February 2020": date(2020, 2, 3, 0), "Feb 3, 2020": date(2020, 2, 3, 0), "February 3, 2020 01:00": date(2020, 2, 3, 1),
	} {
		forms := fitting([]string{cell}, true, "")
		if len(forms) == 0 {
			t.Errorf("%q is no time", cell)
			continue
		}
		if got, _ := forms[0].parse(cell); !got.Equal(want) {
			t.Errorf("%q is %v", cell, got)
		}
	}
}

// A line for Excel in front is a line.
func TestSeparatorLine(t *testing.T) {
	set := read(t, "a.csv", "sep=;\r\ndate;value\r\n2020-01-01;1,5\r\n2020-01-02;2\r\n", Options{})
	same(t, "values", [][]float64{{1.5, 2}}, set.Series[0].Values)
	if note := set.Notes[1]; note != set.Name+": line 2 is a header; --header no if it is none" || set.Series[0].Line != 3 {
		t.Errorf("%s, line %d", note, set.Series[0].Line)
	}
}

// Numbers of a file with other delimiters than commas may have decimal commas, and points between thousands.
func TestDecimalCommas(t *testing.T) {
	set := read(t, "a.csv", "Datum;Wert\n01.01.2020;1.000,5\n02.01.2020;-,25\n03.01.2020;7\n04.01.2020;1,250\n", Options{})
	same(t, "values", [][]float64{{1000.5, -0.25, 7, 1.25}}, set.Series[0].Values)
	if note := set.Notes[0]; note != set.Name+": numbers have decimal commas" {
		t.Error(note)
	}
	same(t, "wide", [][]float64{{1.5, 2.5}}, read(t, "a.csv", "a;1,5;2,5\nb;3,5;4,5\n", Options{}).Series[0].Values)
	cases := readCases(t, "a.csv", "1,5;2\n-2;3,5\n", Options{Regression: true})
	same(t, "labels", []float64{1.5, -2}, []float64{cases.Cases[0].Number, cases.Cases[1].Number})
}

// A table of one column has two quotation marks where a value is missing, as pandas writes it; empty lines at the end
// are nothing.
func TestOneColumn(t *testing.T) {
	set := read(t, "a.csv", "y\n\n1.0\n\"\"\n2.0\n\n\n", Options{})
	same(t, "values", [][]float64{{1, nan, 2}}, set.Series[0].Values)
	set = read(t, "a.csv", "date,y\n2020-01-01,1,\n,\n2020-01-02,2,,\n", Options{})
	same(t, "values of a table", [][]float64{{1, 2}}, set.Series[0].Values)
}

// The times of working days are no names of series when they are left out.
func TestTimesLeftOut(t *testing.T) {
	set := read(t, "a.csv", "Date,Close\n2020-01-03,1\n2020-01-06,2\n", Options{Time: None})
	same(t, "values", [][]float64{{1, 2}}, set.Series[0].Values)
}

// A column of texts with empty cells does not have the names of series.
func TestRemarks(t *testing.T) {
	set := read(t, "a.csv", "date,y,remark\n2020-01-01,1,\n2020-01-02,2,holiday\n", Options{})
	same(t, "values", [][]float64{{1, 2}}, set.Series[0].Values)
}

func TestFillGaps(t *testing.T) {
	set := read(t, "a.csv", "date,y,k\n2020-01-03,1,5\n2020-01-06,2,6\n2020-01-07,3,7\n2020-01-08,4,8\n",
		Options{FillGaps: true, Targets: []string{"y"}, Known: []string{"k"}})
	same(t, "values", [][]float64{{1, nan, nan, 2, 3, 4}}, set.Series[0].Values)
	same(t, "covariates", [][]float64{{5, nan, nan, 6, 7, 8}}, set.Series[0].Known)
	if note := set.Notes[len(set.Notes)-1]; note != set.Name+": 2 times were left out and are missing values" {
		t.Error(note)
	}
}

func TestWrongLong(t *testing.T) {
	const days = "date,y\n2020-01-01,1\n2020-01-02,2\n"
	options := Options{ID: "1", Time: "2", Targets: []string{"3"}}
	wrongs(t,
		bad("a gap", "a.csv", days+"2020-01-05,3\n2020-01-06,4\n",
			"FILE:4: 2 times are missing between 2020-01-02 of line 3 and 2020-01-05: complete the file, give --fill-gaps, "+
				"which takes them for missing values, or give --time none, which takes the rows as they are"),
		bad("a doubled time", "a.csv", days+"2020-01-02,3\n",
			"FILE:4: the time 2020-01-02 is in line 3, too: remove one, or name the column with the names of series with "+
				"--id, or all columns of the time, as in --time date,hour"),
		bad("the hour of summer time", "a.csv", "date,y\n2020-10-25 01:00,1\n2020-10-25 02:00,2\n2020-10-25 02:00,3\n",
			"FILE:4: the time 2020-10-25 02:00 is in line 3, too: remove one, or name the column with the names of "+
				"series with --id, or all columns of the time, as in --time date,hour; "+
				"where clocks were set back, write times in UTC"),
		bad("times that go back", "a.csv", days+"2019-01-02,3\n",
			"FILE:4: the time 2019-01-02 is before 2020-01-02 of line 3: sort each series by time, the earliest first"),
		bad("a time between others", "a.csv", days+"2020-01-03,3\n2020-01-03 12:00,4\n",
			`FILE:5: column 1, "date": "2020-01-03 12:00" is not a time as 2006-01-02, and those before are: write it so, or remove the line`),
		bad("irregular", "a.csv", "a,2020-01-01 00:00,1\na,2020-01-01 01:00,2\na,2020-01-01 02:00,2\na,2020-01-01 02:20,2\n",
			`FILE:4: series "a": the time 2020-01-01 02:20 is not 1 hour after 2020-01-01 02:00 of line 3, as the others are: correct it, `+
				"for the time between two values must be the same", options),
		bad("an irregular month", "a.csv", "a,2020-01,1\na,2020-04,2\na,2020-07,2\na,2020-08,2\n",
			`FILE:4: series "a": the time 2020-08-01 is not 1 quarter after 2020-07-01 of line 3, as the others are: correct it, `+
				"for the time between two values must be the same", options),
		bad("a series at another step", "a.csv",
			"a,2020-01-01,1\na,2020-01-02,2\na,2020-01-03,2\nb,2020-01-01,1\nb,2020-01-08,2\n",
			`FILE:5: series "b": 6 times are missing between 2020-01-01 of line 4 and 2020-01-08: complete the file, give --fill-gaps, `+
				"which takes them for missing values, or give --time none, which takes the rows as they are", options),
		bad("steps that are counted, with a gap", "a.csv", "step,y\n1,1\n2,2\n4,3\n",
			"FILE:4: 1 time is missing between 2 of line 3 and 4: complete the file, give --fill-gaps, which takes "+
				"them for missing values, or give --time none, which takes the rows as they are"),
		bad("a part of a second", "a.csv", "time,y\n2020-01-01 00:00:00.5,1\n2020-01-01 00:00:01,2\n",
			"FILE:2: the time 2020-01-01 00:00:00.5 has a part of a second, and a second is the least time between two "+
				"values: write whole seconds, or give --time none, which takes the rows as they are"),
		bad("day or month", "a.csv", "date,y\n1/2/2020,1\n2/2/2020,2\n",
			`FILE:2: column 1, "date": in "1/2/2020" it does not show which number is the day: give --time-form DD/MM/YYYY or --time-form MM/DD/YYYY`),
		bad("not day first", "a.csv", "date,y\n1/13/2020,1\n1/14/2020,2\n",
			`FILE:2: column 1, "date": the times are not DD/MM/YYYY: correct --time-form`, Options{TimeForm: DayFirst}),
		bad("no time", "a.csv", "date,y\nsoon,1\n2020-01-01,2\n",
			`FILE:2: column 1, "date": "soon" is not a time: write times as 2006-01-02 15:04:05, 2006-01-02, 2006-01 or 2006`),
		bad("times of two forms", "a.csv", "date,y\n2020-01-01,1\n02.01.2020,2\n",
			`FILE:3: column 1, "date": "02.01.2020" is not a time as 2006-01-02, and those before are: write it so, or remove the line`),
		bad("a decimal comma", "a.csv", "date,y\n2020-01-01,\"1,5\"\n2020-01-02,\"2.001,5\"\n",
			`FILE:2: column 2, "y": "1,5" has a decimal comma: write 1.5`, Options{Targets: []string{"y"}}),
		bad("a decimal comma, and points", "a.csv", "date,y\n2020-01-01,\"2.001,5\"\n",
			`FILE:2: column 2, "y": "2.001,5" has a decimal comma: write 2001.5`, Options{Targets: []string{"y"}}),
		bad("a point that may be either", "a.csv", "date;y\n2020-01-01;1,5\n2020-01-02;2.500\n",
			`FILE:3: column 2: "2.500" does not show what its point is, for other numbers have decimal commas: write 2500`),
		bad("decimal commas between commas", "a.csv", "date,y\n2020-01-01,1\n2020-01-02,2,5\n",
			"FILE:3: 3 columns, and the first row has 2: remove what is too much, or write points for decimal commas"),
		bad("decimal commas of a column", "a.csv", "y\n1,5\n2,5\n",
			"FILE:2: 2 columns, and the first row has 1: remove what is too much, or write points for decimal commas"),
		bad("an empty line in a column", "a.csv", "y\n1\n\n2\n",
			"FILE:3: the line is empty: write NaN if a value is missing, or remove the line"),
		bad("a column that is missing", "a.csv", days,
			`FILE:1: there is no column "z", the header has date, y: correct --targets`, Options{Targets: []string{"z"}}),
		bad("a number of a column that is missing", "a.csv", days,
			"FILE:1: there is no column 3, the first row has 2: correct --targets", Options{Targets: []string{"3"}}),
		bad("a name without a header", "a.csv", "2020-01-01,1\n",
			`FILE: there is no column "y", for the file has no header: give --targets a number, or --header yes`,
			Options{Targets: []string{"y"}}),
		bad("two columns of a name", "a.csv", "date,y,y\n2020-01-01,1,2\n",
			`FILE:1: two columns are called "y": name the one for --targets by its number`, Options{Targets: []string{"y"}}),
		bad("several columns", "a.csv", "date,a,b\n2020-01-01,1,2\n",
			"FILE: which columns are to be forecast? Name them with --targets, of a, b; or give --layout columns if each "+
				"is a series"),
		bad("no column with numbers", "a.csv", "date,a\n2020-01-01,x\n",
			`FILE:2: column 2, "a": "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("no column for values", "a.csv", "date\n2020-01-01\n",
			"FILE: no column with numbers is left for the values: name it with --targets"),
		bad("blanks between cells", "a.csv", "1 2 3\n4 5 6\n",
			`FILE:1: column 1: "1 2 3" has several numbers: write commas, semicolons or tabs between cells`),
		bad("years with a fraction", "a.csv", "time,x\n1949,112\n1949.08333,118\n",
			`FILE:3: column 1, "time": "1949.08333" is not a time as a year, and those before are: write it so, or remove the line`),
		bad("not to be told", "a.csv", "data,label\n0.5,0\n0.25,1\n",
			"FILE:1: it does not say what a row is: give --layout wide if it is a series, or --layout long if it is a moment"),
		bad("years of two digits", "a.csv", "Datum,v\n01.02.25,1\n02.02.25,2\n",
			`FILE:1: column 1, "Datum": "01.02.25" has a year of two digits: write four, as in 2006-01-02`),
		bad("years of two digits, and an id", "a.csv", "id,Datum,value\na,1/2/25,1\na,2/2/25,2\n",
			`FILE:1: column 2, "Datum": "1/2/25" has a year of two digits: write four, as in 2006-01-02`),
		bad("a short row", "a.csv", "date,y\n2020-01-01,1\n2020-01-02\n", "FILE:3: 1 column, and column 2 is wanted: "+
			"complete the row"),
		bad("a category that changes", "a.csv", "id,date,y,c\na,2020-01-01,1,n\na,2020-01-02,1,s\n",
			`FILE:3: series "a": column 4, "c" is "s", and "n" in line 2: a category of a series must not change`,
			Options{Time: "date", Targets: []string{"y"}, Static: []string{"c"}}),
		bad("no name", "a.csv", "id,date,y\na,2020-01-01,1\n,2020-01-02,1\n",
			`FILE:3: column 1, "id", the name of the series, is empty: write it`),
		bad("a header alone", "a.csv", "date,y\n", "FILE: no series: the header is all there is",
			Options{Header: "yes", Layout: Long, Targets: []string{"y"}}),
		bad("texts that are no times", "a.csv", "Periode,v\n1. Quartal,1\n2. Quartal,2\n",
			`FILE:2: column 1, "Periode" has another text in each row: if they are times, write them as 2006-01-02 15:04:05, `+
				"2006-01-02, 2006-01 or 2006; if they are names of series, give --id 1; if they are neither, --id none",
			Options{Targets: []string{"v"}}),
		bad("a title", "a.csv", "Sales of 2020\n\ndate,v\n2020-01-01,1\n",
			"FILE:1: the line has one cell, and line 3 has 2: remove lines that are before the table"),
		bad("years of two digits in a header", "a.csv", "name,1/30/20,1/31/20\na,1,2\n",
			`FILE:1: column 3: "1/31/20" has a year of two digits: write four, as in 2006-01-02`),
		bad("no value", "a.csv", "id,date,y\na,2020-01-01,1\nb,2020-01-01,\n",
			`FILE:3: series "b" has no value: remove it or complete it`),
	)
}
