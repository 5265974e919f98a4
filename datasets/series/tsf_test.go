package series

import (
	"testing"
)

func TestTSF(t *testing.T) {
	const head = "# x\n%y\n\n@Relation test\n@attribute series_name string\n@attribute start_timestamp " +
		"date\n@frequency yearly\n" +
		"@horizon 4\n@missing true\n@equallength false\n@data\n"
	set := read(t, "a.tsf", head+"T1:1979-01-01 00-00-00:25092.2284,?,25828.9883,27697.5047,1\n#z\nT2:1973-01-01 "+
		"00-00-00:?,887896.51,8,9,?\n", Options{})
	same(t, "set", &Set{
		Name: set.Name, SHA256: set.SHA256, Targets: []string{"value"}, Step: Step{Months: 12}, Season: 1, Horizon: 4,
		Series: []Series{
			{ID: "T1", Line: 12, Start: date(1979, 1, 1, 0), Values: [][]float64{{25092.2284, nan, 25828.9883, 27697.5047, 1}}},
			{ID: "T2", Line: 14, Start: date(1974, 1, 1, 0), Values: [][]float64{{887896.51, 8, 9}}},
		},
		Notes: []string{set.Name + ": 1 series is not longer than @horizon 4: T2"},
	}, set)

	// One attribute, or three; keys in any case and order, and without any.
	set = read(t, "a.tsf.gz", string(zip(t, "@FREQUENCY half_hourly\n@ATTRIBUTE Series_Name string\n@DATA\na:1,2\n")),
		Options{})
	same(t, "one attribute", Set{
		Name: set.Name, SHA256: set.SHA256, Targets: []string{"value"}, Series: []Series{{ID: "a",
			Line: 4, Values: [][]float64{{1, 2}}}},
	}, *set)
	set = read(t, "a.tsf", "@attribute group string\n@attribute series_name string\n@attribute start "+
		"date\n@attribute level numeric\n"+
		"@frequency 10_minutes\n@data\ng:a:2020-05-05 10-00-00:3:1,2\n", Options{})
	same(t, "four attributes", []Series{
		{ID: "a", Line: 7, Start: date(2020, 5, 5, 10), Values: [][]float64{{1, 2}}, Static: []string{"g", "3"}},
	}, set.Series)
	same(t, "categories", []string{"group", "level"}, set.Static)
	if set.Step.String() != "10 minutes" || set.Season != 144 {
		t.Errorf("step %s, season %d", set.Step, set.Season)
	}
	set = read(t, "a.tsf", "@data\n1,2\n3\n", Options{})
	same(t, "no attribute", map[string][]float64{"1": {1, 2}, "2": {3}}, values(set))
	set = read(t, "a.tsf", "@attribute start date\n@data\n2020-01-01:1,2\n", Options{})
	if len(set.Notes) != 1 || !set.Series[0].Start.IsZero() || !set.Step.IsZero() {
		t.Errorf("without @frequency: %+v", set)
	}
}

// What has labels is not to be forecast.
func TestForecastOfCases(t *testing.T) {
	path := write(t, "a.ts", []byte("@classLabel true a\n@data\n1:a\n"))
	_, err := Read(path, Options{})
	wantError(t, "cases", path, err,
		"FILE: a .ts file has series with a label each, to classify or to predict a number of, and none to forecast")
}

func TestWrongTSF(t *testing.T) {
	const head = "@attribute series_name string\n@attribute start date\n@frequency daily\n@data\n"
	wrongs(t,
		bad("a time with colons", "a.tsf", head+"a:2020-01-01 00:00:00:1,2\n",
			"FILE:5: 4 parts in front of the values, and there are 2 attributes (@attribute): a colon is between all of "+
				"them, and none is in a time"),
		bad("a part too few", "a.tsf", head+"a:1,2\n",
			"FILE:5: 1 part in front of the values, and there are 2 attributes (@attribute): a colon is between all of "+
				"them, and none is in a time"),
		bad("no time", "a.tsf", head+"a:soon:1\n", `FILE:5: "soon" is not a time: write it as 2006-01-02 15-04-05`),
		bad("no number", "a.tsf", head+"a:2020-01-01 00-00-00:1,x\n",
			`FILE:5: value 2: "x" is not a number: correct it; a missing value is an empty cell, NaN, NA, null or ?`),
		bad("no value", "a.tsf", head+"a:2020-01-01 00-00-00:?,?\n",
			`FILE:5: series "a" has no value: remove it or complete it`),
		bad("nothing after the last colon", "a.tsf", head+"a:2020-01-01 00-00-00:\n",
			`FILE:5: series "a" has no value: remove it or complete it`),
		bad("a name twice", "a.tsf", head+"a:2020-01-01:1\na:2020-01-01:1\n",
			`FILE:6: series "a" is in line 5, too: give it another name`),
		bad("no name", "a.tsf", head+":2020-01-01:1\n", "FILE:5: the name of the series is empty: write it"),
		bad("a frequency", "a.tsf", "@frequency often\n@data\n",
			`FILE:1: @frequency: "often" is not a time between two values: write hourly, daily, weekly, monthly, quarterly, yearly, or a number `+
				"and a unit, as in 15_minutes"),
		bad("a horizon", "a.tsf", "@horizon x\n@data\n", `FILE:1: @horizon is "x": it must be a number from 1`),
		bad("an attribute", "a.tsf", "@attribute a\n@data\n",
			`FILE:1: @attribute is "a": it must be a name and string, numeric or date`),
		bad("an attribute twice", "a.tsf", "@attribute a string\n@attribute a date\n@data\n",
			`FILE:2: @attribute "a" stands before: give it another name`),
		bad("no series", "a.tsf", head, "FILE: no series: the file ends before the first"),
	)
}
