// Package onepage writes a trained model as one page of HTML that opens from the disk: the model as ONNX, the runtime
// that computes it, vocabularies, and a box to try it. It needs neither a server nor a network.
//
// What the page cannot compute exactly as the command does is refused.
package onepage

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

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

// tasks are those that a page can do.
var tasks = []string{run.TaskLM, run.TaskSeq2Seq, run.TaskClassify, run.TaskTag}

// check says why a run cannot become a page.
func check(r *run.Run) error {
	c := r.Config()
	switch {
	case !slices.Contains(tasks, c.Task):
		return &run.DataError{What: fmt.Sprintf("%s holds %s: a page translates, classifies or tags texts, or continues "+
			"them; --onnx may do", r.Dir(), run.TaskName(c.Task))}
	case r.Vocab() == nil:
		return &run.DataError{What: fmt.Sprintf("%s does not read texts, as a page does: use --onnx", r.Dir())}
	case c.Task == run.TaskSeq2Seq && c.Model.Lengths == nil && c.Training.MaxLength == 0:
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
	for _, name := range []string{"tokens.js", "app.js"} {
		part, err := parts.ReadFile("page/" + name)
		if err != nil { // it is a part of the program
			panic(err)
		}
		b.Write(part)
	}
	return b.String()
}
