package report

import (
	"math"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// A table of runs fits into 80 columns, whatever their names and settings are.
func TestRuns(t *testing.T) {
	c := run.Defaults(run.TaskClassify)
	account := func(dir, state string, step int) *run.Account {
		return &run.Account{Dir: dir, Config: &c, State: state, Step: step, Seconds: 100_000, Weights: 1_234_567}
	}
	long := "runs/" + strings.Repeat("a-long-name-", 5)
	groups := []run.Group{{Task: run.TaskClassify, Measure: "accuracy", Runs: []run.Compared{
		{Account: account("runs/a", run.StateDone, 12_345_678), Value: 0.98765, BestStep: 10_000_000,
			Settings: []run.Setting{{Name: "hidden", Value: "256"}, {Name: "paths", Value: strings.Repeat("x", 50)},
				{Name: "schedule", Value: "cosine"}, {Name: "cell", Value: "lstm"}}},
		{Account: account(long, run.StateDiverged, 9), Value: math.NaN()},
	}}}
	var b strings.Builder
	if err := Runs(&b, groups); err != nil {
		t.Fatal(err)
	}
	want := `a classifier: 2 runs, the best first by the accuracy of a validation
run                   state       steps  accuracy       after      time  weights
runs/a                 done  12,345,678    98.77%  10,000,000  27:46:40   1.235M
    hidden 256  paths xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  schedule cosine  cell lstm
` + long + `
                   diverged           9         -           -  27:46:40   1.235M
`
	for _, line := range strings.Split(b.String(), "\n") {
		if words.Width(line) > 80 {
			t.Errorf("longer than 80: %s", line)
		}
	}
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	if err := RunsJSON(&b, groups); err != nil {
		t.Fatal(err)
	}
	const first = `{"run":"runs/a","task":"classify","state":"done","steps":12345678,"seconds":100000,"weights":1234567,` +
		`"by":"accuracy","best":0.98765,"best_step":10000000,"settings":{"cell":"lstm","hidden":"256","paths":"`
	if got := b.String(); !strings.HasPrefix(got, first) || strings.Contains(got, "NaN") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %s", got)
	}
}

// Names of any letters leave the columns in their places.
func TestRunsOfWideNames(t *testing.T) {
	c := run.Defaults(run.TaskClassify)
	g := run.Group{Task: run.TaskClassify, Measure: "accuracy"}
	for _, dir := range []string{"runs/a", "runs/日本語", "runs/e\u0301te\u0301", "runs/👩\u200d👧", "runs/" + strings.Repeat("長", 10)} {
		g.Runs = append(g.Runs, run.Compared{Account: &run.Account{Dir: dir, Config: &c, State: run.StateDone, Step: 12_345_678,
			Seconds: 100_000, Weights: 1_234_567}, Value: 0.98765, BestStep: 10_000_000})
	}
	var b strings.Builder
	if err := Runs(&b, []run.Group{g}); err != nil {
		t.Fatal(err)
	}
	const rest = "  done  12,345,678    98.77%  10,000,000  27:46:40   1.235M\n"
	want := "a classifier: 5 runs, the best first by the accuracy of a validation\n" +
		"run                   state       steps  accuracy       after      time  weights\n" +
		"runs/a               " + rest + "runs/日本語          " + rest + "runs/e\u0301te\u0301             " + rest +
		"runs/👩\u200d👧              " + rest + "runs/" + strings.Repeat("長", 10) + "\n" + strings.Repeat(" ", 21) + rest
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
