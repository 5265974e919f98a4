package run

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/unroll-ml/unroll/datasets/series"
)

// What is measured as the future of series follows them in time, where both have times.
func TestFutureFollows(t *testing.T) {
	read := func(rows string) *series.Set {
		t.Helper()
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(rows, " ", "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := series.Read(path, series.Options{ID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		set.Name = "FILE"
		return set
	}
	past := read("id,date,y a,2020-01-30,1 a,2020-01-31, a,2020-02-01,3")
	whole, err := follow(past, read("id,date,y a,2020-02-02,4 a,2020-02-03,5"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, math.NaN(), 3, 4, 5}, whole.Series[0].Values[0], cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	for future, want := range map[string]string{
		"id,date,y a,2020-02-01,4 a,2020-02-02,5": `FILE:2: series "a" begins at 2020-02-01 00:00:00, and after the last value of ` +
			"FILE comes 2020-02-02 00:00:00: name values that follow those",
		"id,date,y a,2020-02-02, a,2020-02-03,5 a,2020-02-04,6": `FILE:2: series "a" begins at 2020-02-03 00:00:00, and after the ` +
			"last value of FILE comes 2020-02-02 00:00:00: name values that follow those",
		"id,date,y a,2020-02-02,4 a,2020-02-09,5": "FILE:2: it has a value every week, and FILE every day: name files that " +
			"belong together",
	} {
		if _, err := follow(past, read(future), 2); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	for _, untimed := range []string{"id,y a,4 a,5", "id,date,y a,2020-03-02,4"} {
		set := read(untimed)
		if _, err := follow(past, set, set.Series[0].Len()); err != nil {
			t.Error(err)
		}
	}
}
