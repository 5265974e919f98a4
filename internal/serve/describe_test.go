package serve

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/trainer/run"
)

// get is the body of an answer to GET.
func (s *server) get(path string) string {
	s.t.Helper()
	r, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		s.t.Fatalf("%s: %d %s, %v", path, r.StatusCode, text, err)
	}
	return string(text)
}

// metric is the value of the first metric of a name, whatever its labels; "" if there is none.
func (s *server) metric(name string) string {
	for line := range strings.Lines(s.get("/metrics")) {
		if strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
		}
	}
	return ""
}

// fits says what of a JSON value a schema does not have.
func fits(all, schema map[string]any, x any, path string) (wrong []string) {
	if ref, ok := schema["$ref"].(string); ok {
		parts := all["components"].(map[string]any)["schemas"].(map[string]any)
		schema = parts[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
	}
	switch x := x.(type) {
	case map[string]any:
		fields, _ := schema["properties"].(map[string]any)
		if fields == nil {
			return nil // what a schema says nothing of
		}
		for name, value := range x {
			of, ok := fields[name].(map[string]any)
			if !ok {
				wrong = append(wrong, path+"."+name+" is not described")
				continue
			}
			wrong = append(wrong, fits(all, of, value, path+"."+name)...)
		}
		for _, name := range schema["required"].([]any) {
			if _, ok := x[name.(string)]; !ok {
				wrong = append(wrong, path+"."+name.(string)+" is missing")
			}
		}
	case []any:
		if schema["type"] != "array" && len(schema) > 0 {
			return []string{path + " is an array"}
		}
		items, _ := schema["items"].(map[string]any)
		for _, value := range x {
			wrong = append(wrong, fits(all, items, value, path+"[]")...)
		}
	case string, float64, bool:
		kind := map[reflect.Kind][]string{reflect.String: {"string"}, reflect.Float64: {"number", "integer"},
			reflect.Bool: {"boolean"}}
		want, ok := schema["type"]
		if list, several := want.([]any); several {
			ok, want = true, list[0]
			if slices.Contains(list, any("string")) && reflect.TypeOf(x).Kind() == reflect.String {
				return nil
			}
		}
		if ok && !slices.Contains(kind[reflect.TypeOf(x).Kind()], want.(string)) {
			return []string{fmt.Sprintf("%s is %v, and should be %v", path, x, want)}
		}
	}
	return wrong
}

// The description has every route, and every field of what is read and written.
func TestOpenAPI(t *testing.T) {
	s := serving(t, nil, "dates", "text", "squares", "places", "load", "slopes")
	var d map[string]any
	if err := json.Unmarshal([]byte(s.get("/openapi.json")), &d); err != nil {
		t.Fatal(err)
	}
	paths := d["paths"].(map[string]any)
	described := func(method, path, part string) map[string]any {
		op, ok := paths[path].(map[string]any)[method].(map[string]any)
		if !ok {
			t.Fatalf("%s %s is not described", method, path)
		}
		for _, key := range strings.Split(part, "/") {
			if op, ok = op[key].(map[string]any); !ok {
				t.Fatalf("%s %s has no %s", method, path, part)
			}
		}
		return op["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
	}
	if len(paths) != len(s.routes()) {
		t.Errorf("%d paths are described, there are %d", len(paths), len(s.routes()))
	}
	for _, r := range s.routes() {
		op, ok := paths[r.path].(map[string]any)[strings.ToLower(r.method)].(map[string]any)
		if !ok || op["summary"] == "" {
			t.Errorf("%s %s is not described", r.method, r.path)
		}
		if r.method != "GET" || r.answer == nil {
			continue
		}
		var x any
		if err := json.Unmarshal([]byte(s.get(strings.ReplaceAll(r.path, "{model}", "text"))), &x); err != nil {
			t.Fatal(err)
		}
		if wrong := fits(d, described("get", r.path, "responses/200"), x, r.path); wrong != nil {
			t.Errorf("%s: %v", r.path, wrong)
		}
	}
	for _, body := range []string{
		`{"model":"dates","inputs":["15.5.39",""],"beam":3,"n_best":2,"attention":true,"probabilities":true,"max_length":9,"length_penalty":1,
			"coverage_penalty":0.1,"no_repeat_ngram":2,"replace_unknown":true,"join_subwords":true,"seed":4}`,
		`{"model":"dates","inputs":["x"],"temperature":1,"top_k":3,"top_p":0.5}`,
		`{"model":"text","inputs":["line"],"length":3,"session":"new","probabilities":true,"skip_unknown":true}`,
		`{"model":"squares","inputs":["16","x"],"top":2}`,
		`{"model":"places","inputs":["we went",["to","Rome"]]}`,
		`{"model":"slopes","inputs":[[[1,2],[3,null]]]}`,
		`{"model":"load","inputs":[[1,2,3],{"id":"a","values":[4,5]}],"quantiles":[0.5]}`,
	} {
		var asked, answered any
		if err := json.Unmarshal([]byte(body), &asked); err != nil {
			t.Fatal(err)
		}
		if wrong := fits(d, described("post", "/v1/predict", "requestBody"), asked, "request"); wrong != nil {
			t.Errorf("%s: %v", body, wrong)
		}
		status, text := s.post(body)
		if status != 200 {
			t.Fatalf("%s: %d %s", body, status, text)
		}
		if err := json.Unmarshal([]byte(text), &answered); err != nil {
			t.Fatal(err)
		}
		if wrong := fits(d, described("post", "/v1/predict", "responses/200"), answered, "answer"); wrong != nil {
			t.Errorf("%s: %v", text, wrong)
		}
	}
	parts := d["components"].(map[string]any)["schemas"].(map[string]any)
	for _, x := range []any{request{}, answer{}, output{}, seriesInput{}, streamedToken{}, streamedOutput{},
		streamedEnd{}, failure{}, history{}, point{}} {
		fields := parts[reflect.TypeOf(x).Name()].(map[string]any)["properties"].(map[string]any)
		var described []string
		for name, of := range fields {
			described = append(described, name)
			if of.(map[string]any)["description"] == nil {
				t.Errorf("nothing is said of %s of %T", name, x)
			}
		}
		slices.Sort(described)
		var want []string
		for name := range fieldNames(x) {
			want = append(want, name)
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, described); diff != "" {
			t.Errorf("%T: %s", x, diff)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := serving(t, nil, "squares")
	s.predictions(`{"inputs":["1","4","9"]}`)
	s.ask()
	text := s.get("/metrics")
	for _, want := range []string{
		`unroll_requests_total{route="/v1/predict",status="200"} 1`, `unroll_requests_total{route="/v1/predict",status="400"} 1`,
		`unroll_inputs_total{model="squares"} 3`, `unroll_batch_inputs_count{model="squares"} 1`, `unroll_batch_inputs_sum{model="squares"} 3`,
		`unroll_request_seconds_count{route="/v1/predict"} 2`, `unroll_queue_inputs{model="squares"} 0`,
		`unroll_checkpoint_step{model="squares"} ` + fmt.Sprint(s.step()),
		`unroll_reloads_total{model="squares",result="loaded"} 1`,
		`go_goroutines `, `unroll_batch_seconds_bucket{model="squares",le="+Inf"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// The list says what there is to know of each model.
func TestList(t *testing.T) {
	s := serving(t, nil, "dates", "load", "waves", "text")
	var all modelList
	if err := json.Unmarshal([]byte(s.get("/v1/models")), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Models) != 4 {
		t.Fatalf("%d models", len(all.Models))
	}
	dates, load, waves, text := all.Models[0], all.Models[1], all.Models[2], all.Models[3]
	if dates.Name != "dates" || dates.Task != run.TaskSeq2Seq || !dates.Attention || dates.Reads != "text" ||
		!dates.Ready || dates.Tokens != "char" {
		t.Errorf("%+v", dates)
	}
	if load.Reads != "series" || load.Horizon != 6 || load.Channels != 1 || load.Targets[0] != "load" {
		t.Errorf("%+v", load)
	}
	if waves.Reads != "series" || waves.Channels != 2 || !slices.Equal(waves.Options, []string{"top"}) {
		t.Errorf("%+v", waves)
	}
	if !slices.Contains(text.Options, "session") || slices.Contains(text.Options, "beam") {
		t.Errorf("%+v", text)
	}
}

// The log of a run is followed while it is written, and begins again when it is cut.
func TestLive(t *testing.T) {
	dir := copyRun(t, "squares")
	c := Defaults()
	c.Runs = []string{dir}
	s := servingRuns(t, nil, c)
	r, err := http.NewRequest("GET", s.url+"/v1/models/squares/log", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	in := bufio.NewReader(a.Body)
	next := func() (name string, h history) {
		t.Helper()
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if after, ok := strings.CutPrefix(line, "event: "); ok {
				name = strings.TrimSpace(after)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(data), &h); err != nil {
					t.Fatalf("%s: %v", data, err)
				}
				return name, h
			}
		}
	}
	name, h := next()
	if name != "history" || len(h.Points) != 4 || len(h.Validations) < 1 ||
		!strings.Contains(string(h.State), `"done"`) || h.Points[3].LR <= 0 {
		t.Fatalf("%s %+v", name, h)
	}
	path := filepath.Join(dir, run.LogName)
	write := func(text string, mode int) {
		f, err := os.OpenFile(path, os.O_WRONLY|mode, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"event":"step","step":5,"loss":"NaN","lr":0.5}`+"\n"+`{"event":"valid","step":5,"valid_loss":2}`+"\n",
		os.O_APPEND)
	if name, h = next(); name != "more" || len(h.Points) != 1 || h.Points[0].Step != 5 || h.Points[0].LR != 0.5 ||
		len(h.Validations) != 1 {
		t.Errorf("%s %+v", name, h)
	}
	write(`{"event":"step","step":1,"loss":1,"lr":0.5}`+"\n", os.O_TRUNC)
	if name, h = next(); name != "history" || len(h.Points) != 1 || h.Points[0].Step != 1 {
		t.Errorf("%s %+v", name, h)
	}
	done := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, in); done <- err }()
	s.end()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server ends, and the log is still followed")
	}
}

// A long history is sent as means.
func TestThinned(t *testing.T) {
	h := &history{}
	for step := range 2500 {
		h.Points = append(h.Points, point{step + 1, run.Float(step), 1})
	}
	x := h.thinned(100)
	if len(x.Points) != 100 || x.Points[0].Step != 25 || x.Points[0].Loss != 12 || x.Points[99].Step != 2500 {
		t.Errorf("%d points, from %v to %v", len(x.Points), x.Points[0], x.Points[99])
	}
	if x := (&history{}).thinned(100); len(x.Points) != 0 || x.Points == nil || x.Validations == nil {
		t.Errorf("of nothing: %+v", x)
	}
}
