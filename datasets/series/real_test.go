package series

import (
	"os"
	"path/filepath"
	"testing"
)

// real is the path of a file in the folder UNROLL_DATA.
func real(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("UNROLL_DATA")
	if dir == "" {
		t.Skip("needs UNROLL_DATA")
	}
	return filepath.Join(dir, name)
}

// The hourly series of the M4 competition, as they are published.
func TestM4Hourly(t *testing.T) {
	set, err := Read(real(t, "m4_hourly/Hourly-train.csv.gz"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	lengths := map[int]int{}
	for _, s := range set.Series {
		lengths[s.Len()]++
	}
	same(t, "lengths", map[int]int{700: 169, 960: 245}, lengths)
	if s := set.Series[413]; s.ID != "H414" ||
		set.SHA256 != "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f" {
		t.Errorf("%s, %s", s.ID, set.SHA256)
	}
	test, err := Read(real(t, "m4_hourly/Hourly-test.csv"), Options{})
	if err != nil || len(test.Series) != 414 || test.Series[0].Len() != 48 {
		t.Errorf("%d series, %v", len(test.Series), err)
	}
}

// Files of the UEA archive.
func TestUEA(t *testing.T) {
	type facts struct{ Cases, Channels, Shortest, Longest, Classes int }
	for name, want := range map[string]facts{
		"ArrowHead_TRAIN":        {36, 1, 251, 251, 3},
		"ArrowHead_TEST":         {175, 1, 251, 251, 3},
		"Covid3Month_TRAIN":      {140, 1, 84, 84, 0},
		"Covid3Month_TEST":       {61, 1, 84, 84, 0},
		"ItalyPowerDemand_TRAIN": {67, 1, 24, 24, 2},
		"JapaneseVowels_TRAIN":   {270, 12, 7, 26, 9},
		"JapaneseVowels_TEST":    {370, 12, 7, 29, 9},
	} {
		c, err := ReadCases(real(t, "uea/"+name+".ts.gz"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := facts{len(c.Cases), c.Channels, c.Cases[0].Len(), 0, len(c.Classes)}
		for _, x := range c.Cases {
			got.Shortest, got.Longest = min(got.Shortest, x.Len()), max(got.Longest, x.Len())
		}
		same(t, name, want, got)
		if len(c.Notes) != 0 || c.Regression != (want.Classes == 0) {
			t.Errorf("%s: regression %v, notes %q", name, c.Regression, c.Notes)
		}
	}
}

// A table with a row for each moment, and a .tsf file.
func TestRealForecasts(t *testing.T) {
	set, err := Read(real(t, "uea/Airline.csv.gz"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := set.Series[0]; set.Step.String() != "month" || set.Season != 12 || s.Len() != 144 ||
		!s.Start.Equal(date(1949, 1, 1, 0)) {
		t.Errorf("%d steps of a %s from %v", s.Len(), set.Step, s.Start)
	}
	set, err = Read(real(t, "uea/UnitTest_Tsf_Loader.tsf.gz"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := set.Series[2]; set.Horizon != 4 || set.Step.String() != "year" || s.ID != "T3" || s.Len() != 5 ||
		s.Values[0][4] != 254186 {
		t.Errorf("%+v", set)
	}
}
