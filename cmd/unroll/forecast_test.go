package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// sales is a table of the days of n shops from a day on, so many each: a week that repeats, at a level of each shop.
func sales(n, from, days int) string {
	var b strings.Builder
	b.WriteString("shop,day,sales\n")
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for shop := range n {
		for d := from; d < from+days; d++ {
			fmt.Fprintf(&b, "shop%d,%s,%.2f\n", shop, first.AddDate(0, 0, d).Format(time.DateOnly),
				float64(10*(shop+1))*(2+math.Sin(float64(d)*2*math.Pi/7)))
		}
	}
	return b.String()
}

// Series are forecast, measured beside the simplest forecasts and on what followed, and drawn.
func TestForecast(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(4, 0, 60))
	writeFile(t, "followed.csv", sales(4, 60, 7))
	out := must(t, strings.Fields("train forecast --series sales.csv --horizon 7 --hidden 8 --batch 16 --steps 150 "+
		"--valid-every 50 --loss quantile --quantiles 0.1,0.5,0.9 --threads 1 --out run")...)
	for _, want := range []string{
		"\n  seasonal naive  ", "\npictures:\n  run/validation-shop0.svg\n  run/validation-shop0.png\n",
		"\nnext:\n  unroll eval run\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	rows := strings.Split(strings.TrimSpace(must(t, "forecast", "run", "--threads", "1")), "\n")
	if len(rows) != 1+4*7 || rows[0] != "series,step,forecast,q0.1,q0.5,q0.9" ||
		!strings.HasPrefix(rows[1], "shop0,1,") || !strings.HasPrefix(rows[28], "shop3,7,") {
		t.Fatal(rows)
	}
	for i, row := range rows[1:] {
		var step int
		var y, low, mid, high float64
		if _, err := fmt.Sscanf(strings.ReplaceAll(row[len("shop0,"):], ",", " "), "%d %g %g %g %g", &step, &y, &low, &mid,
			&high); err != nil || step != 1+i%7 || y != mid {
			t.Errorf("%s: %v", row, err)
		}
		true := float64(10*(i/7+1)) * (2 + math.Sin(float64(60+i%7)*2*math.Pi/7))
		if math.Abs(y-true) > 0.1*true || low > mid || mid > high {
			t.Errorf("%s, and it is %g", row, true)
		}
	}
	o := jsonLines(t, must(t, "eval", "run", "--future", "followed.csv", "--json", "--threads", "1"))[0]
	if o["smape"].(float64) > 5 || o["series"] != 4.0 || o["values"] != 28.0 ||
		o["baselines"].(map[string]any)["naive"].(map[string]any)["smape"].(float64) < 10 {
		t.Error(o)
	}
	if o := jsonLines(t, must(t, "eval", "run", "--origins", "3", "--every", "7", "--json", "--threads",
		"1"))[0]; o["values"] != 84.0 {
		t.Error(o)
	}
	if got := must(t, "eval", "run", "--origins", "20", "--threads", "1"); !strings.Contains(got,
		"sales.csv: 32 of 80 forecasts: series are too short for the others\n") {
		t.Error(got)
	}
	if o := jsonLines(t, must(t, "forecast", "run", "--json", "--threads", "1")); len(o) != 4 ||
		o[1]["series"] != "shop1" || o[1]["start"] != "2024-03-01T00:00:00Z" ||
		len(o[1]["forecast"].([]any)) != 7 || len(o[1]["quantiles"].(map[string]any)["0.9"].([]any)) != 7 {
		t.Error(o)
	}
	again := must(t,
		strings.Fields("train forecast --series sales.csv --horizon 7 --from run --steps 1 --threads 1 --out again")...)
	if !strings.Contains(again, "beginning with the model of run, as it is after step 150") {
		t.Error(again)
	}
	r := unroll("forecast", "run", "--series", "sales.csv", "--picture", "shop2", "--threads", "1")
	if r.code != exitOK || r.stderr != "unroll: sales.csv: line 1 is a header; --header no if it is none\n"+
		`unroll: sales.csv: column 2, "day" is the time, column 1, "shop" is the name of the series, column 3, "sales" is `+
		"the value\nunroll: drawn: run/forecast-shop2.svg, run/forecast-shop2.png\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	// What is unlike the data of the run is said.
	writeFile(t, "months.csv", "month,visits\n2024-01,1\n2024-02,2\n2024-03,3\n")
	r = unroll("forecast", "run", "--series", "months.csv", "--threads", "1")
	if r.code != exitOK || !strings.HasSuffix(r.stderr, "unroll: months.csv has a value every month, and the model has "+
		"learned from a value every day\nunroll: months.csv: the column \"visits\" is taken for \"sales\", which the model "+
		"has learned from\n") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	if svg, err := os.ReadFile("run/forecast-shop2.svg"); err != nil || !strings.Contains(string(svg), "<svg") {
		t.Error(err)
	}
}

func TestForecastErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(2, 0, 30))
	writeFile(t, "gap.csv", strings.Replace(sales(2, 0, 30), "shop0,2024-01-05,", "shop9,2024-01-05,", 1))
	must(t, strings.Fields("train forecast --series sales.csv --horizon 7 --hidden 4 --steps 2 --loss mae "+
		"--threads 1 --out run")...)
	for _, c := range []struct {
		code        int
		args, error string
	}{
		{exitUsage, "train forecast", "nothing to train on: name series with --series"},
		{exitUsage, "train forecast --series sales.csv", "--horizon is missing"},
		{exitUsage, "train forecast --series sales.csv --horizon 0 --steps 2", "--horizon is missing: sales.csv does not say how many values are to be forecast"},
		{exitNoInput, "train forecast --series none.csv --horizon 7", "none.csv does not exist: check the path"},
		{exitData, "train forecast --series gap.csv --horizon 7 --steps 2", `gap.csv:7: series "shop0": 1 time is missing between 2024-01-04 of line 5 and 2024-01-06`},
		{exitData, "train forecast --series sales.csv --horizon 30 --steps 2", "shorter --horizon"},
		{exitUsage, "forecast run --picture shop7", "--picture shop7: there is no such series"},
		{exitUsage, "forecast run --quantiles 0.5", "--quantiles: the quantile 0.5: it forecasts points"},
		{exitUsage, "forecast run --quantiles 1.5", "--quantiles: "},
	} {
		if r := unroll(append(strings.Fields(c.args), "--threads", "1")...); r.code != c.code ||
			!strings.Contains(r.stderr, c.error) || strings.Count(r.stderr, "\n") > 2 {
			t.Errorf("%s: %d, %s\nwant %d, %s", c.args, r.code, r.stderr, c.code, c.error)
		}
	}
}
