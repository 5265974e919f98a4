package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Evaluation is what was found of the model of a run, to be shown.
type Evaluation struct {
	*run.Evaluation
	Run          *run.Run
	Beam, Stride int // how it was measured; 0: does not matter
	ByClass      bool
}

// evalRecord is its JSON.
type evalRecord struct {
	Loss run.Float `json:"loss"`
	run.Measures
	Beam       int      `json:"beam,omitempty"`
	Stride     int      `json:"stride,omitempty"`
	Unknown    int      `json:"unknown,omitempty"`        // tokens that the model does not know, of a text or of examples
	LeftOut    int      `json:"left_out,omitempty"`       // characters of a text
	NoLabel    int      `json:"unknown_labels,omitempty"` // examples
	Notes      []string `json:"notes,omitempty"`          // what is to be said of the data
	Seconds    float64  `json:"seconds"`
	Text       string   `json:"text"` // or other data
	Split      string   `json:"split"`
	Run        string   `json:"run"`
	Checkpoint string   `json:"checkpoint"`
	Step       int      `json:"step"`
	Together   []string `json:"together,omitempty"` // of several runs: all of them

	Classes   []Class `json:"classes,omitempty"`
	Confusion [][]int `json:"confusion,omitempty"` // examples of the class of the row that were taken for that of the column
}

// JSON writes an object.
func (e *Evaluation) JSON(w io.Writer) error {
	rec := evalRecord{
		Loss: run.Float(e.Loss), Measures: e.Measures, Beam: e.Beam, Stride: e.Stride, Seconds: e.Seconds,
		Unknown: e.Unknown, LeftOut: e.LeftOut, NoLabel: e.NoLabel, Notes: e.Notes,
		Text: e.Name, Split: e.Split, Run: e.Run.Dir(), Checkpoint: e.Run.Checkpoint(), Step: e.At.Step,
	}
	if all := e.Run.Members(); len(all) > 1 {
		for _, r := range all {
			rec.Together = append(rec.Together, r.Dir())
		}
	}
	if e.ByClass {
		rec.Classes, rec.Confusion = Classes(e.Evaluation)
	}
	return errors.WithStack(json.NewEncoder(w).Encode(rec))
}

// Text writes lines for people, and after them remarks.
func (e *Evaluation) Text(w io.Writer, remarks []string) error {
	var b strings.Builder
	var names []string
	for _, r := range e.Run.Members() {
		names = append(names, filepath.Join(r.Dir(), r.Checkpoint()))
	}
	at := "after step " + words.Thousands(e.At.Step)
	if len(names) > 1 {
		at = "together"
	}
	fmt.Fprintf(&b, "%s %s, on %s:\n", strings.Join(names, ", "), at, e.What)
	if m := e.ForecastMeasures; m != nil {
		fmt.Fprintf(&b, "loss %.4f a value; %s of %s in %.2f s\n%s", e.Loss, words.Count(m.Values, "value", "values"),
			words.Count(m.Series, "forecast", "forecasts"), e.Seconds, Forecasts(m))
	} else {
		e.measured(&b)
	}
	for _, line := range append(e.Notes[:len(e.Notes):len(e.Notes)], remarks...) {
		fmt.Fprintln(&b, line)
	}
	if e.ByClass {
		b.WriteString(ClassTable(e.Evaluation))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

// measured writes what was measured of a model that does not forecast.
func (e *Evaluation) measured(b *strings.Builder) {
	number, unit := e.Examples, ""
	if number == 0 {
		number = e.Tokens
	}
	if e.Unit != "" {
		unit = " nats per " + e.Unit
	}
	fmt.Fprintf(b, "loss %.4f%s%s\n%s in %.2f s\n", e.Loss, unit, Measures(&e.Measures, 3, 2)+EvalMeasures(&e.Measures),
		words.Count(number, strings.TrimSuffix(e.Count, "s"), e.Count), e.Seconds)
}

// Remarks are what else there is to know of translations that were measured, with settings in backquotes; replaced:
// unknown words were replaced.
func (e *Evaluation) Remarks(replaced bool) (remarks []string) {
	n := e.TranslationNotes
	if n == nil {
		return nil
	}
	add := func(format string, args ...any) { remarks = append(remarks, fmt.Sprintf(format, args...)) }
	if k := e.UnknownSources; k > 0 {
		add("%s unknown", words.Count(k, "token of the sources is", "tokens of the sources are"))
	}
	if k := e.UnknownTargets; k > 0 {
		add("%s of %s of the targets %s unknown: unknown ones count in the loss, and neither for nor against accuracy",
			words.Thousands(k), words.Count(e.Tokens, "token", "tokens"), words.Which(k, "is", "are"))
	}
	best := translate.Counts{Lines: n.Lines, Cut: n.Cut, Unknown: n.Unknown}
	remarks = append(remarks, best.Remarks(replaced)...)
	if n.Subwords != "" {
		add("words were made of the parts that %s marks, and then measured", n.Subwords)
	}
	if n.Tokenized {
		add("most targets end in \" .\", as texts do that were cut into words: BLEU is not comparable with that " +
			"of other texts")
	}
	if n.Undefined != "" {
		add("BLEU is undefined: %s; see chrF, or cut them otherwise: `bleu_tokenize` char", n.Undefined)
	}
	return append(remarks, "BLEU "+n.BLEUSignature, "chrF "+n.ChrFSignature)
}
