package apply

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

func TestForecastsAreWritten(t *testing.T) {
	start := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	forecasts := []run.SeriesForecast{
		{ID: "a,b", Target: "load", Start: start, Points: []float64{0.1, 2}}, {ID: "c", Target: "wind", Points: []float64{1e300}},
	}
	for several, want := range map[bool]string{
		false: "series,step,forecast\n\"a,b\",1,0.1\n\"a,b\",2,2\nc,1,1e+300\n",
		true:  "series,target,step,forecast\n\"a,b\",load,1,0.1\n\"a,b\",load,2,2\nc,wind,1,1e+300\n",
	} {
		var out strings.Builder
		f := Forecasts{To: &out}
		if err := f.CSV(forecasts, several); err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", out.String(), err, want)
		}
	}
	var out strings.Builder
	f := Forecasts{To: &out}
	want := `{"series":"a,b","target":"load","start":"2024-02-29T00:00:00Z","forecast":[0.1,2]}` + "\n" +
		`{"series":"c","target":"wind","forecast":[1e+300]}` + "\n"
	if err := f.JSON(forecasts); err != nil || out.String() != want {
		t.Errorf("%s, %v; want %s", out.String(), err, want)
	}
}

func TestLabelsAreWritten(t *testing.T) {
	labels := []run.Label{{Name: "up", Probability: 0.75}, {Name: "<down>", Probability: 0.25}}
	for _, c := range []struct {
		top  int
		json bool
		want string
	}{
		{1, false, "up\t0.7500\n"}, {2, false, "up\t0.7500\t<down>\t0.2500\n"}, {3, false, "up\t0.7500\t<down>\t0.2500\n"},
		{1, true, `{"image":2,"labels":[{"label":"up","probability":0.75}]}` + "\n"},
		{3, true, `{"image":2,"labels":[{"label":"up","probability":0.75},{"label":"<down>","probability":0.25}]}` + "\n"},
	} {
		if got := (&Classifier{Top: c.top, JSON: c.json}).line(classified{Image: 2}, labels); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTranslationsAreWritten(t *testing.T) {
	found := []run.Translation{
		{Text: "ein\nHund", Hypothesis: decode.Hypothesis{LogProb: -0.25, Score: -0.125, Ended: true}},
		{Text: "Hund", Hypothesis: decode.Hypothesis{LogProb: -1.5, Score: -0.75}},
	}
	for _, c := range []struct {
		best  int
		json  bool
		found []run.Translation
		want  string
	}{
		{0, false, found, "ein Hund\n"}, {1, false, found, "ein Hund\n"}, {1, false, nil, "\n"},
		{2, false, found, "7\t-0.2500\tein Hund\n7\t-1.5000\tHund\n"}, {2, false, nil, ""},
		{2, true, found, `{"source":"a dog","unknown":1,"translations":[` +
			`{"text":"ein Hund","log_prob":-0.25,"score":-0.125,"finished":true},` +
			`{"text":"Hund","log_prob":-1.5,"score":-0.75,"finished":false}]}` + "\n"},
	} {
		m := &Translator{JSON: c.json}
		m.Options.Beam.Best = c.best
		if got := m.lines(7, "a dog", 1, c.found); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Lines with tabs are told of, as one of their columns was read.
func TestNotesOnTabs(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\n": "", "a\tb\nc\n": "stdin: 1 line has tabs, of which column 2 was read", "a\tb\nc\td\n": "stdin: 2 lines have tabs, of which column 2 was read",
		"text,label\na,b\n":   "stdin: the first line has the names of columns; each line was read as a text",
		"{\"text\": \"a\"}\n": "stdin: the first line begins as JSON does; each line was read as a text", "the text, a label\n": "",
	} {
		in := &Lines{Lines: datasets.NewLines("stdin", strings.NewReader(text)), name: "stdin"}
		in.Column = 2
		for _, err := in.Read(); err == nil; _, err = in.Read() {
		}
		if got := strings.Join(in.Notes(), "\n"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// rows are series of two kinds, with a number each.
func rows() *series.Cases {
	c := &series.Cases{Name: "rows.ts", SHA256: "rows", Channels: 1, Classes: []string{"down", "up"}}
	for i := range 12 {
		values := []float64{1, float64(i%2) - 0.5, 2 * (float64(i%2) - 0.5)}
		c.Cases = append(c.Cases, series.Case{Values: [][]float64{values}, Label: c.Classes[i%2], Number: values[2]})
	}
	return c
}

// seriesRun trains a small model of series of a task, and opens its run.
func seriesRun(t *testing.T, task string) *run.Run {
	t.Helper()
	device := run.On(cpu.New(cpu.Threads(1)))
	c := run.Defaults(task)
	c.Model.Hidden, c.Model.Series, c.Training.Batch, c.Training.Epochs, c.Training.Steps = 4, &run.SeriesModel{}, 4, 0, 3
	cases := rows()
	var work run.Task
	var err error
	if task == run.TaskClassify {
		work, err = run.NewSeriesClassifier(c, cases, nil, device)
	} else {
		cases.Classes, cases.Regression, c.Model.Number = nil, true, &run.NumberModel{Loss: "squared"}
		work, err = run.NewRegressor(c, cases, nil, device)
	}
	return trained(t, work, err)
}

// trained trains what was made, unless there is an error, and opens its run.
func trained(t *testing.T, work run.Task, err error) *run.Run {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := run.Train(context.Background(), dir, work, run.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := run.Open(dir, run.On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is written of series is what the model says of them, in their order; errors of models and writers are not lost.
func TestSeriesAreWritten(t *testing.T) {
	ctx, cases := context.Background(), rows()
	classifier, err := seriesRun(t, run.TaskClassify).Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer classifier.Close()
	regressor, err := seriesRun(t, run.TaskRegress).Regressor()
	if err != nil {
		t.Fatal(err)
	}
	defer regressor.Close()
	labels, err := classifier.ClassifyCases(ctx, cases)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := regressor.Predict(ctx, cases)
	if err != nil {
		t.Fatal(err)
	}
	var lines, labelled, predictions, objects strings.Builder
	for i := range cases.Cases {
		fmt.Fprintf(&lines, "%s\t%.4f\n", labels[i][0].Name, labels[i][0].Probability)
		fmt.Fprintf(&labelled, "{\"series\":%d,\"labels\":[{\"label\":%q,\"probability\":%v}]}\n", i+1, labels[i][0].Name,
			labels[i][0].Probability)
		fmt.Fprintf(&predictions, "%.7g\n", numbers[i])
		fmt.Fprintf(&objects, "{\"series\":%d,\"number\":%v}\n", i+1, numbers[i])
	}
	for want, write := range map[string]func(context.Context, io.Writer) error{
		lines.String(): func(ctx context.Context, to io.Writer) error {
			return (&Classifier{Model: classifier, Top: 1, To: to}).Series(ctx, cases)
		},
		labelled.String(): func(ctx context.Context, to io.Writer) error {
			return (&Classifier{Model: classifier, Top: 1, JSON: true, To: to}).Series(ctx, cases)
		},
		predictions.String(): func(ctx context.Context, to io.Writer) error {
			return (&Regressor{Model: regressor, To: to}).Series(ctx, cases)
		},
		objects.String(): func(ctx context.Context, to io.Writer) error {
			return (&Regressor{Model: regressor, JSON: true, To: to}).Series(ctx, cases)
		},
	} {
		var out strings.Builder
		if err := write(ctx, &out); err != nil || out.String() != want {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
		if err := write(ctx, fullDisk{}); !errors.Is(err, errFull) {
			t.Errorf("a writer that fails: %v", err)
		}
		done, cancel := context.WithCancel(ctx)
		cancel()
		out.Reset()
		if err := write(done, &out); !errors.Is(err, context.Canceled) || out.Len() > 0 {
			t.Errorf("with a context that is done: %v, and %q", err, out.String())
		}
	}
}

// fullDisk is a writer that fails.
type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
