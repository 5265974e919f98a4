package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/trainer/run"
)

// server is one that answers over loopback until the test ends.
type server struct {
	*Server
	t    *testing.T
	url  string
	end  context.CancelFunc
	done chan error
}

// serving serves runs of some kinds.
func serving(t *testing.T, change func(*Config), kinds ...string) *server {
	t.Helper()
	c := Defaults()
	for _, kind := range kinds {
		c.Runs = append(c.Runs, trained(t, kind))
	}
	return servingRuns(t, change, c)
}

func servingRuns(t *testing.T, change func(*Config), c Config) *server {
	t.Helper()
	c.Options, c.Poll = []run.Option{device}, 10*time.Millisecond
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	x := &server{s, t, "http://" + l.Addr().String(), end, make(chan error, 1)}
	go func() { x.done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		end()
		if err := <-x.done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		x.done <- nil
	})
	return x
}

// post asks for predictions, and gives the status and the body.
func (s *server) post(body string) (int, string) {
	s.t.Helper()
	r, err := http.Post(s.url+"/v1/predict", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// predictions asks for predictions that there must be.
func (s *server) predictions(body string) []output {
	s.t.Helper()
	status, text := s.post(body)
	if status != 200 {
		s.t.Fatalf("%s: %d %s", body, status, text)
	}
	var a answer
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return a.Outputs
}

// refusal is the status and the sentence of an error.
func refusal(t *testing.T, status int, body string) string {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(body), &f); err != nil || f.Error == "" || strings.Contains(f.Error, "\n") {
		t.Fatalf("%d %q is no error of one sentence", status, body)
	}
	return f.Error
}

// What is wrong with a request is said in one sentence, with the right status.
func TestRefusals(t *testing.T) {
	s := serving(t, nil, "dates", "deaf", "text", "squares", "places", "load", "waves", "slopes")
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 400, "the body is empty"},
		{`{`, 400, "ends in the middle"},
		{`[]`, 400, "must be a JSON object"},
		{`"a"`, 400, "not a JSON object"},
		{`null`, 400, "not a JSON object"},
		{`{"inputs":["a"]} {}`, 400, "something follows"},
		{`{"inputs":["a"]}x`, 400, "something follows"},
		{`{"inputs":["a"],}`, 400, "not JSON"},
		{`{"inputs":["a"],"inputs":["b"]}`, 400, `"inputs" is there twice`},
		{`{"inputs":[{"values":[1],"values":[2]}],"model":"load"}`, 400, `"values" is there twice`},
		{`{"Inputs":["a"]}`, 400, `unknown field "Inputs"`},
		{`{"inputs":["a"],"beem":3}`, 400, `unknown field "beem"`},
		{`{"inputs":["a"],"values":[3]}`, 400, `"values" does not belong there`},
		{"{\"inputs\":[\"\xff\"]}", 400, "not UTF-8"},
		{`{"inputs":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, 400, "deeper than 8"},
		{`{"inputs":` + strings.Repeat("[", 500_000), 400, "deeper than 8"},
		{`{"inputs":[]}`, 400, `"inputs" is empty`},
		{`{"inputs":null}`, 400, `"inputs" is empty`},
		{`{"model":"dates"}`, 400, `"inputs" is missing`},
		{`{"inputs":"a"}`, 400, `"inputs" must be an array, it is a string`},
		{`{"inputs":[` + strings.Repeat(`"a",`, 1024) + `"a"]}`, 400, "at most 1024"},
		{`{"inputs":["a"]}`, 400, `"model" is missing: one of dates, deaf, text`},
		{`{"inputs":["a"],"model":"x"}`, 404, `there is no model "x"`},
		{`{"inputs":[1],"model":"dates"}`, 400, "inputs[0]: it must be a text in quotes"},
		{`{"inputs":["a",null],"model":"dates"}`, 400, "inputs[1]: it must be a text in quotes"},
		{`{"inputs":["` + strings.Repeat("a", 3000) + `"],"model":"dates"}`, 400, "inputs[0]: it has 3001 tokens"},
		{`{"inputs":["a"],"model":"dates","beam":0}`, 400, `"beam" is 0: it must be at least 1 and at most 100`},
		{`{"inputs":["a"],"model":"dates","beam":1.5}`, 400, `"beam" must be a whole number, it is 1.5`},
		{`{"inputs":["a"],"model":"dates","beam":"5"}`, 400, `"beam" must be a whole number, it is a string`},
		{`{"inputs":["a"],"model":"dates","seed":-1}`, 400, `"seed" must be a whole number, not below 0`},
		{`{"inputs":["a"],"model":"dates","attention":1}`, 400, `"attention" must be true or false`},
		{`{"inputs":["a"],"model":"dates","length":5}`, 400, `"length" is no option of a sequence-to-sequence model`},
		{`{"inputs":["a"],"model":"dates","n_best":2}`, 400, "n_best is 2: it must be at most beam"},
		{`{"inputs":["a"],"model":"dates","top_k":2}`, 400, "give a temperature"},
		{`{"inputs":["a"],"model":"dates","temperature":1,"beam":2}`, 400, "leave one of them out"},
		{`{"inputs":["a"],"model":"deaf","attention":true}`, 400, "the model has no attention"},
		{`{"inputs":["a"],"model":"text","length":10001}`, 400, `"length" is 10001`},
		{`{"inputs":["a"],"model":"text","temperature":-1}`, 400, `"temperature" is -1`},
		{`{"inputs":["ж"],"model":"text"}`, 400, `'ж' (U+0436) is not in the vocabulary of`},
		{`{"inputs":["ж"],"model":"text"}`, 400, `or leave out such characters with "skip_unknown"`},
		{`{"inputs":["a\u0000"],"model":"text"}`, 400, "inputs[0]: it has the character NUL, so this is not text: remove it"},
		{`{"inputs":["a"],"model":"text","session":"gone"}`, 404, "no such session"},
		{`{"inputs":["a"],"model":"squares","top":0}`, 400, `"top" is 0`},
		{`{"inputs":[["a"," "]],"model":"places"}`, 400, "inputs[0]: a word is blank"},
		{`{"inputs":[{"a":1}],"model":"places"}`, 400, `unknown field "a"`},
		{`{"inputs":["a"],"model":"waves"}`, 400, "inputs[0]: it must be an array of numbers"},
		{`{"inputs":[[1,2]],"model":"waves"}`, 400, "it has 1 channel, and the model reads 2"},
		{`{"inputs":[[[1,2],[1]]],"model":"waves"}`, 400, "channel 2 has 1 values, and the first has 2"},
		{`{"inputs":[[[],[]]],"model":"slopes"}`, 400, "the series has no values"},
		{`{"inputs":[[[null],[null]]],"model":"slopes"}`, 400, "the series has no values"},
		{`{"inputs":[[]],"model":"load"}`, 400, "the series has no values"},
		{`{"inputs":[[null]],"model":"load"}`, 400, "all values are missing"},
		{`{"inputs":[{"values":[1],"start":"now"}],"model":"load"}`, 400, "start has no meaning"},
		{`{"inputs":[{"values":[1],"static":["a"]}],"model":"load"}`, 400, "static has 1 of the 0"},
		{`{"inputs":[[1,2]],"model":"load","quantiles":[2]}`, 400, "2"},
		{`{"inputs":[[1,1e999]],"model":"load"}`, 400, "inputs[0]: it must be an array of numbers"},
	} {
		status, body := s.post(c.body)
		what := refusal(t, status, body)
		if status != c.status || !strings.Contains(what, c.want) {
			t.Errorf("%.80s: %d %q, want %d %q", c.body, status, what, c.status, c.want)
		}
	}
}

// Methods, paths and bodies that are not there.
func TestRoutes(t *testing.T) {
	s := serving(t, nil, "squares")
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 200}, {"GET", "/app.js", "", 200}, {"GET", "/style.css", "", 200}, {"HEAD", "/", "", 200}, {"POST", "/", "", 405}, {"GET", "/nothing", "", 404}, {"GET", "/serve.go", "", 404},
		{"GET", "/v1/predict", "", 405}, {"PUT", "/v1/predict", "{}", 405}, {"GET", "/v1/models", "", 200}, {"POST", "/v1/models", "", 405},
		{"GET", "/healthz", "", 200}, {"GET", "/metrics", "", 200}, {"GET", "/openapi.json", "", 200},
		{"GET", "/v1/models/squares/log", "", 200}, {"GET", "/v1/models/nothing/log", "", 404},
		{"POST", "/v1/predict", `{"inputs":["` + strings.Repeat("a", maxBytes) + `"]}`, 413},
		{"POST", "/v1/predict", `{"inputs":["` + strings.Repeat("a", maxBytes-15) + `"]}`, 200},
	} {
		req, err := http.NewRequest(c.method, s.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultTransport.RoundTrip(req) // follows no redirection
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, r.StatusCode, body, c.status)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: the headers are %v", c.method, c.path, r.Header)
		}
		if c.status >= 400 {
			refusal(t, c.status, string(body))
		}
		if c.status == 405 && r.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no header Allow", c.method, c.path)
		}
	}
}

// Only what is meant for this machine is answered, and nothing that another page makes a browser send.
func TestHostsAndOrigins(t *testing.T) {
	s := serving(t, nil, "squares")
	token := serving(t, func(c *Config) { c.Token = "secret" }, "squares")
	try := func(s *server, host string, header ...string) int {
		r := httptest.NewRequest("POST", s.url+"/v1/predict", strings.NewReader(`{"inputs":["4"]}`))
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "127.8.8.8": 200, "[::1]:8080": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:8080": 403, "localhost.evil.example": 403, "": 403, "10.0.0.1": 403, "127.0.0.1.evil.example": 403,
		"0.0.0.0": 403,
	} {
		if got := try(s, host); got != want {
			t.Errorf("host %q: %d, want %d", host, got, want)
		}
	}
	for _, c := range []struct {
		header []string
		want   int
	}{
		{[]string{"Origin", "http://localhost:8080"}, 200}, {[]string{"Origin", "http://evil.example"}, 403}, {[]string{"Origin", "null"}, 403},
		{[]string{"Origin", "http://localhost:9"}, 403}, {[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403}, {[]string{"Sec-Fetch-Site", "same-site"}, 403},
	} {
		if got := try(s, "localhost:8080", c.header...); got != c.want {
			t.Errorf("%v: %d, want %d", c.header, got, c.want)
		}
	}
	for _, c := range []struct {
		header []string
		want   int
	}{
		{nil, 401}, {[]string{"Authorization", "Bearer secret"}, 200}, {[]string{"Authorization", "bearer secret"}, 200},
		{[]string{"Authorization", "Bearer secrets"}, 401}, {[]string{"Authorization", "Basic secret"}, 401}, {[]string{"Authorization", "secret"}, 401},
		{[]string{"Authorization", "Bearer "}, 401}, {[]string{"Authorization", "Bearer secret", "Origin", "http://evil.example"}, 403},
	} {
		if got := try(token, "model.example", c.header...); got != c.want {
			t.Errorf("token, %v: %d, want %d", c.header, got, c.want)
		}
	}
	for path, want := range map[string]int{
		"/":                      200,
		"/healthz":               200,
		"/openapi.json":          200,
		"/metrics":               401,
		"/v1/models":             401,
		"/v1/models/squares/log": 401,
	} {
		w := httptest.NewRecorder()
		token.Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://model.example"+path, nil))
		if w.Code != want {
			t.Errorf("without the token %s: %d, want %d", path, w.Code, want)
		}
	}
}

// A slow header closes the connection; a slow body is told so.
func TestSlowRequests(t *testing.T) {
	s := serving(t, func(c *Config) { c.Body = 100 * time.Millisecond }, "squares")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	text, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(text, []byte("HTTP/1.1 408 ")) {
		t.Errorf("a slow body: %q, %v", text, err)
	}
	if testing.Short() {
		return // the limit of headers is seconds
	}
	slow, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	io.WriteString(slow, "POST /v1/predict HTTP/1.1\r\nHost: local")
	slow.SetReadDeadline(time.Now().Add(headerTime + 3*time.Second))
	if text, err := io.ReadAll(slow); err != nil {
		t.Errorf("a slow header: %q, %v", text, err)
	}
}
