// Package onepage writes a trained model as one page of HTML that opens from the disk: the model as ONNX, the runtime
// that computes it, vocabularies, and a box to try it. It needs neither a server nor a network.
//
// What the page cannot compute exactly as the command does is refused.
package onepage

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/serve"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

//go:embed page
var parts embed.FS

// settings are what the page knows of its model.
type settings struct {
	Task      string                     `json:"task"`
	About     string                     `json:"about"`
	Files     map[string]json.RawMessage `json:"files"`             // see run.Run.Files
	Column    int                        `json:"column,omitempty"`  // see run.Source.Column
	Longest   int                        `json:"longest,omitempty"` // tokens that a classifier reads
	MaxLength int                        `json:"maxLength,omitempty"`
	Lengths   *lengths                   `json:"lengths,omitempty"` // of translations
	Lower     bool                       `json:"lower,omitempty"`   // of a tagger
	Letters   int                        `json:"letters,omitempty"` // likewise
	States    []int                      `json:"states,omitempty"`  // of a language model: how many, and of which size
	Columns   int                        `json:"columns,omitempty"` // of images
	Series    *inputs                    `json:"series,omitempty"`  // of a classifier or regressor of series
	Forecast  *forecast                  `json:"forecast,omitempty"`
}

// inputs are series.Features as the page reads them.
type inputs struct {
	Channels    int       `json:"channels"`
	Scale       string    `json:"scale"`
	Means       []float64 `json:"means"`
	Deviations  []float64 `json:"deviations"`
	Differences bool      `json:"differences"`
	Mask        bool      `json:"mask"`
	Patch       int       `json:"patch"`
}

// forecast is what the page knows of forecasts.
type forecast struct {
	Horizon   int       `json:"horizon"`
	Log       bool      `json:"log"` // whether logarithms are taken
	Quantiles []float64 `json:"quantiles,omitempty"`
}

// lengths are decode.Lengths as the page reads them.
type lengths struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	Longest   []reach `json:"longest"`
}

type reach struct {
	Source int `json:"source"`
	Target int `json:"target"`
}

func lengthsOf(l *decode.Lengths) *lengths {
	x := &lengths{Mean: l.Mean, Deviation: l.Deviation}
	for _, r := range l.Longest {
		x.Longest = append(x.Longest, reach(r))
	}
	return x
}

// check says why a run cannot become a page.
func check(r *run.Run) error {
	c := r.Config()
	if c.Task == run.TaskSeq2Seq && c.Model.Lengths == nil && c.Training.MaxLength == 0 {
		return &run.DataError{What: fmt.Sprintf("%s does not say how long translations may be: train again", r.Dir())}
	}
	return nil
}

// Write writes the page of a run's model.
func Write(w io.Writer, r *run.Run, with *Runtime) error {
	if err := check(r); err != nil {
		return err
	}
	var model bytes.Buffer
	ports, err := r.WriteONNX(&model, "")
	if err != nil {
		return err
	}
	described, err := json.Marshal(settingsOf(r, ports))
	if err != nil {
		return errors.WithStack(err)
	}
	template, err := parts.ReadFile("page/index.html")
	if err != nil {
		return errors.WithStack(err)
	}
	fill := map[string]func() string{
		"Title":    func() string { return html.EscapeString(filepath.Base(filepath.Clean(r.Dir()))) },
		"Style":    func() string { return string(serve.PageFile("style.css")) },
		"Version":  func() string { return version },
		"Licence":  func() string { return html.EscapeString(licence) },
		"Script":   func() string { return packed(with.script) },
		"Wasm":     func() string { return packed(with.wasm) },
		"Model":    func() string { return packed(model.Bytes()) },
		"Settings": func() string { return string(described) }, // encoding/json escapes < and >
		"Program":  program,
	}
	text := string(template)
	last := 0
	for _, m := range slot.FindAllStringSubmatchIndex(text, -1) {
		if _, err := io.WriteString(w, text[last:m[0]]+fill[text[m[2]:m[3]]]()); err != nil {
			return errors.WithStack(err)
		}
		last = m[1]
	}
	_, err = io.WriteString(w, text[last:])
	return errors.WithStack(err)
}

var slot = regexp.MustCompile(`\{\{\.([A-Za-z]+)\}\}`)

func settingsOf(r *run.Run, ports *run.ONNXPorts) *settings {
	c := r.Config()
	s := &settings{Task: c.Task, Files: map[string]json.RawMessage{}, Longest: c.Training.Longest,
		MaxLength: c.Training.MaxLength}
	for name, data := range r.Files() {
		s.Files[name] = data
	}
	s.About = fmt.Sprintf("%s of %s weights", run.TaskName(c.Task), words.Thousands(int(c.Weights())))
	if c.Model.Lengths != nil {
		s.Lengths = lengthsOf(c.Model.Lengths)
	}
	if from := c.Data.Train; from != nil {
		s.Column = from.Column
	}
	if t := c.Model.Tag; t != nil {
		s.Lower, s.Letters = t.Lower, t.Letters
	}
	s.describeNumbers(&c.Model, r.Vocab() == nil)
	for _, p := range ports.Inputs {
		if p.Name != "states" {
			continue
		}
		for _, at := range []int{0, 2} {
			n, _ := strconv.Atoi(p.Dims[at]) // only the batch is free
			s.States = append(s.States, n)
		}
	}
	return s
}

// describeNumbers says what a model reads that reads no texts.
func (s *settings) describeNumbers(m *run.Model, numbers bool) {
	switch {
	case m.Forecast != nil:
		f := m.Forecast
		s.Forecast = &forecast{Horizon: f.Horizon, Log: f.Log == "yes", Quantiles: f.Quantiles}
	case m.Series != nil:
		f := m.Series.Inputs
		s.Series = &inputs{
			Channels: f.Channels, Scale: cmp.Or(f.Scale, series.ScaleChannel), Means: f.Means, Deviations: f.Deviations,
			Differences: f.Differences, Mask: f.Missing == series.MissingMask, Patch: max(f.Patch, 1),
		}
	case numbers:
		s.Columns = m.Input
	}
}

// packed is base64 of gzip.
func packed(data []byte) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that there is
	z.Write(data)                                         // a buffer takes all
	z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

var (
	imports = regexp.MustCompile(`(?m)^import .*;$`)
	exports = regexp.MustCompile(`(?m)^export `)
)

// program is the page's script. A page from the disk cannot import modules, so that all are one.
func program() string {
	var b strings.Builder
	for _, name := range []string{"dom.js", "chart.js", "results.js"} {
		b.Write(exports.ReplaceAll(imports.ReplaceAll(serve.PageFile(name), nil), nil))
	}
	for _, name := range []string{"tokens.js", "series.js", "images.js", "app.js"} {
		part, err := parts.ReadFile("page/" + name)
		if err != nil { // it is a part of the program
			panic(err)
		}
		b.Write(part)
	}
	return b.String()
}
