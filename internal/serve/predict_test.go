package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

func opened(t *testing.T, kind string) *run.Run {
	t.Helper()
	r, err := run.Open(trained(t, kind), device)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near says what differs in answers by more than rounding.
func near(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateApprox(1e-5, 1e-6), cmpopts.EquateNaNs())
}

// The server answers what the models say that package run opens.
func TestTranslations(t *testing.T) {
	s := serving(t, nil, "dates")
	m, err := opened(t, "dates").Translator()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	sources := []string{"15.5.39", "", "23rd of December, 2006"}
	ctx := context.Background()
	greedy, err := m.Translate(ctx, 1, sources, run.TranslateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := s.predictions(`{"inputs":["15.5.39","","23rd of December, 2006"]}`)
	for i, found := range greedy {
		text, finished := "", true
		if len(found) > 0 {
			text, finished = found[0].Text, found[0].Ended
		}
		if *got[i].Text != text || *got[i].Finished != finished || got[i].LogProb != nil {
			t.Errorf("%q became %v, want %q", sources[i], got[i], text)
		}
	}
	how := run.TranslateOptions{Beam: decode.Beam{Width: 4, Best: 3, Length: 0.6}, Weights: true}
	beams, err := m.Translate(ctx, 1, sources[:1], how)
	if err != nil {
		t.Fatal(err)
	}
	out := s.predictions(`{"inputs":["15.5.39"],"beam":4,"n_best":3,"attention":true,"probabilities":true}`)[0]
	want := beams[0]
	for i, x := range want {
		if diff := near(alternative{x.Text, x.Ended, run.Float(x.LogProb), run.Float(x.Score)},
			out.Alternatives[i]); diff != "" {
			t.Errorf("alternative %d: %s", i, diff)
		}
	}
	if diff := near([]run.Float{run.Float(want[0].LogProb)}, []run.Float{*out.LogProb}); diff != "" {
		t.Error(diff)
	}
	if len(out.Attention.Weights) != len(want[0].Tokens) || len(out.Attention.Target) != len(want[0].Tokens) {
		t.Fatalf("%d rows of weights for %d tokens", len(out.Attention.Weights), len(want[0].Tokens))
	}
	for i, row := range want[0].Weights {
		if diff := near(floats(row), out.Attention.Weights[i]); diff != "" || len(row) != len(out.Attention.Source) {
			t.Errorf("weights of token %d: %s", i, diff)
		}
	}
	if got := strings.Join(out.Attention.Source, ""); got != "15.5.39■" {
		t.Errorf("the tokens of the source are %q", got)
	}
	ln := 0.0
	for _, x := range out.Tokens {
		ln += math.Log(float64(x.Probability))
	}
	if diff := near(float64(*out.LogProb), ln); diff != "" || len(out.Tokens) != len(want[0].Tokens) {
		t.Errorf("the tokens are together as probable as the translation: %s", diff)
	}
	sampling := decode.Sampling{Temperature: 1}
	drawn, err := m.Translate(ctx, 1, []string{"1/2/3", "1/2/3"},
		run.TranslateOptions{Sampling: &sampling, Seed: 7, Beam: decode.Beam{Best: 1}})
	if err != nil {
		t.Fatal(err)
	}
	sampled := s.predictions(`{"inputs":["1/2/3","1/2/3"],"temperature":1,"seed":7}`)
	for i := range drawn {
		if *sampled[i].Text != drawn[i][0].Text {
			t.Errorf("drawn: %q, want %q", *sampled[i].Text, drawn[i][0].Text)
		}
	}
}

func TestClassifications(t *testing.T) {
	s := serving(t, nil, "squares", "waves")
	m, err := opened(t, "squares").Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	labels, err := m.Classify(context.Background(), []string{"16", "81"})
	if err != nil {
		t.Fatal(err)
	}
	out := s.predictions(`{"model":"squares","inputs":["16","81"," ","x"]}`)
	for i, want := range labels {
		if *out[i].Label != want[0].Name || len(out[i].Labels) != 2 {
			t.Errorf("%v, want %v", out[i], want)
		}
		if diff := near([]float64{want[0].Probability, want[0].Probability, want[1].Probability},
			[]float64{float64(*out[i].Probability), float64(out[i].Labels[0].Probability),
				float64(out[i].Labels[1].Probability)}); diff != "" {
			t.Error(diff)
		}
	}
	if out[2].Label != nil || out[3].Unknown != 1 {
		t.Errorf("of a blank text and an unknown character: %v", out[2:])
	}
	if one := s.predictions(`{"model":"squares","inputs":["16"],"top":1}`)[0]; len(one.Labels) != 1 {
		t.Errorf("top 1: %v", one)
	}
	w, err := opened(t, "waves").Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	missing := math.NaN()
	cases := &series.Cases{Name: "x", Channels: 2,
		Cases: []series.Case{{Values: [][]float64{{0, 1, missing, 3}, {1, 0, 1, missing}}}}}
	want, err := w.ClassifyCases(context.Background(), cases)
	if err != nil {
		t.Fatal(err)
	}
	got := s.predictions(`{"model":"waves","inputs":[[[0,1,null,3,null],[1,0,1,null,null]]]}`)[0]
	if diff := near(want[0][0].Probability, float64(*got.Probability)); diff != "" || *got.Label != want[0][0].Name {
		t.Errorf("%v, want %v", got, want[0])
	}
}

func TestTagsNumbersAndForecasts(t *testing.T) {
	s := serving(t, nil, "places", "slopes", "load")
	ctx := context.Background()
	tagger, err := opened(t, "places").Tagger()
	if err != nil {
		t.Fatal(err)
	}
	defer tagger.Close()
	words := []string{"we", "went", "to", "Kazzzam"}
	tags, err := tagger.Tag(ctx, [][]string{words})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`"we went  to\nKazzzam"`, `["we","went","to","Kazzzam"]`} {
		out := s.predictions(`{"model":"places","inputs":[` + body + `]}`)[0]
		if diff := cmp.Diff([][]string{words, tags[0]}, [][]string{out.Words, out.Tags}); diff != "" || out.Unknown < 1 {
			t.Errorf("%d unknown; %s", out.Unknown, diff)
		}
	}

	regressor, err := opened(t, "slopes").Regressor()
	if err != nil {
		t.Fatal(err)
	}
	defer regressor.Close()
	numbers, err := regressor.Predict(ctx,
		&series.Cases{Name: "x", Channels: 2, Cases: []series.Case{{Values: [][]float64{{0, 1, 2}, {1, 0, 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := near(floats(numbers),
		s.predictions(`{"model":"slopes","inputs":[[[0,1,2],[1,0,1]]]}`)[0].Values); diff != "" {
		t.Error(diff)
	}

	forecaster, err := opened(t, "load").Forecaster()
	if err != nil {
		t.Fatal(err)
	}
	defer forecaster.Close()
	set := forecaster.Set("x")
	set.Series = []series.Series{{ID: "a", Values: [][]float64{{20, 21, 22, math.NaN(), 21, 20}}}}
	all, err := forecaster.Forecast(ctx, set)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`[20,21,22,null,21,20]`, `{"id":"a","values":[[null,20,21,22,null,21,20,null]]}`} {
		out := s.predictions(`{"model":"load","inputs":[` + body + `]}`)[0]
		if diff := near(floats(all[0].Points), out.Values); diff != "" || len(out.Values) != 6 || out.Target != "load" {
			t.Errorf("%s: %s", body, diff)
		}
		if len(out.Quantiles) != 3 || out.Quantiles[0].P != 0.1 {
			t.Fatalf("%s: the quantiles are %v", body, out.Quantiles)
		}
		if diff := near(all[0].Quantile(5, 0.9), float64(out.Quantiles[2].Values[5])); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	if out := s.predictions(`{"model":"load","inputs":[[20,21,22]],"quantiles":[0.5]}`)[0]; len(out.Quantiles) != 1 {
		t.Errorf("one quantile is wanted: %v", out.Quantiles)
	}
}

// A session does not grow without an end.
func TestLongSession(t *testing.T) {
	s := serving(t, nil, "text")
	w := s.models[0].current.Load().task.(*writer)
	w.sessions.put("long", w.model.Text(make([]int32, longSession)...))
	status, body := s.post(`{"inputs":["a"],"session":"long"}`)
	if what := refusal(t, status, body); status != 400 || !strings.Contains(what, "is not continued after 262144") {
		t.Errorf("%d %s", status, what)
	}
}

// A text goes on in a session where it ended.
func TestSessions(t *testing.T) {
	s := serving(t, nil, "text")
	whole := s.predictions(`{"inputs":["line 4"],"length":30,"temperature":0,"probabilities":true}`)[0]
	first := s.predictions(`{"inputs":["line 4"],"length":10,"temperature":0,"session":"new"}`)[0]
	other := s.predictions(`{"inputs":["a text"],"length":5,"temperature":0,"session":"new"}`)[0]
	if first.Session == "" || first.Session == other.Session || whole.Session != "" {
		t.Fatalf("the sessions are %q, %q and %q", first.Session, other.Session, whole.Session)
	}
	more := s.predictions(fmt.Sprintf(`{"inputs":["",""],"length":10,"temperature":0,"session":%q}`, first.Session))
	if got := *first.Text + *more[0].Text + *more[1].Text; got != *whole.Text {
		t.Errorf("%q in a session, %q at once", got, *whole.Text)
	}
	if len(whole.Tokens) != 30 || !(whole.Tokens[0].Probability > 0) {
		t.Errorf("the tokens are %v", whole.Tokens)
	}
	if s.predictions(`{"inputs":["line 4"],"length":30,"temperature":0.9,"seed":2}`)[0].Text == nil {
		t.Error("no text")
	}
}

// eventsOf are the events of an answer.
func eventsOf(t *testing.T, s *server, body string) (names []string, data []string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.url+"/v1/predict", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %d, %s", body, a.StatusCode, a.Header.Get("Content-Type"))
	}
	in := bufio.NewScanner(a.Body)
	for in.Scan() {
		if name, ok := strings.CutPrefix(in.Text(), "event: "); ok {
			names = append(names, name)
		}
		if text, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			data = append(data, text)
		}
	}
	return names, data
}

// Texts come token by token, and outputs of many inputs as they are ready.
func TestStreams(t *testing.T) {
	s := serving(t, func(c *Config) { c.Batch = 2 }, "text", "squares")
	whole := *s.predictions(`{"model":"text","inputs":["line 4"],"length":12,"temperature":0}`)[0].Text
	names, data := eventsOf(t, s, `{"model":"text","inputs":["line 4"],"length":12,"temperature":0}`)
	if diff := cmp.Diff(append(strings.Split(strings.Repeat("token ", 12), " ")[:12], "output", "done"),
		names); diff != "" {
		t.Fatal(diff)
	}
	text := ""
	for _, x := range data[:12] {
		var piece streamedToken
		if err := json.Unmarshal([]byte(x), &piece); err != nil {
			t.Fatal(err)
		}
		text += piece.Text
	}
	var out streamedOutput
	if err := json.Unmarshal([]byte(data[12]), &out); err != nil || text != whole || *out.Output.Text != whole {
		t.Errorf("%q in tokens, %v in the end (%v), want %q", text, out, err, whole)
	}

	names, data = eventsOf(t, s, `{"model":"squares","inputs":["1","4","9","16","25"]}`)
	if diff := cmp.Diff([]string{"output", "output", "output", "output", "output", "done"}, names); diff != "" {
		t.Fatal(diff)
	}
	at := s.predictions(`{"model":"squares","inputs":["1","4","9","16","25"]}`)
	for i, x := range data[:5] {
		var out streamedOutput
		if err := json.Unmarshal([]byte(x), &out); err != nil {
			t.Fatal(err)
		}
		if diff := near(at[out.Input], out.Output); diff != "" || out.Input != i {
			t.Errorf("output %d: %s", out.Input, diff)
		}
	}
	var end streamedEnd
	if err := json.Unmarshal([]byte(data[5]), &end); err != nil || end.Model != "squares" || end.Step == 0 {
		t.Errorf("%v, %v", end, err)
	}
}
