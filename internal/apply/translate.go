package apply

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Translator writes translations of lines: the best of each or, if more are wanted, lines of its number, ln p and the
// translation, with tabs between; or lines of JSON.
type Translator struct {
	Model   *run.Translator
	Options run.TranslateOptions
	JSON    bool
	Page    *attention.Page // shows where the attention looked; nil: not wanted
	To      io.Writer

	best translate.Counts // of the best translations
}

// translated is the JSON of a line.
type translated struct {
	Source       string        `json:"source"`
	Unknown      int           `json:"unknown,omitempty"` // of its tokens
	Translations []translation `json:"translations"`
}

type translation struct {
	Text    string    `json:"text"`
	LogProb run.Float `json:"log_prob"`
	Score   run.Float `json:"score"` // by which those of a beam are ranked

	Finished bool `json:"finished"`          // false: cut at the greatest length
	Unknown  int  `json:"unknown,omitempty"` // tokens that the model does not know
}

// Lines translates lines.
func (t *Translator) Lines(ctx context.Context, in *Lines) error {
	return in.each(t.To, t.Options.Block(), func(first int, lines []string) (string, error) {
		all, err := t.Model.Translate(ctx, first, lines, t.Options)
		var long *translate.TooLongError
		if errors.As(err, &long) {
			return "", &datasets.Error{File: in.name, Line: long.Line, What: long.Error()}
		}
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for i, found := range all {
			if err := t.draw(first+i, lines[i], found); err != nil {
				return "", err
			}
			t.best.Add(found)
			b.WriteString(t.lines(first+i, lines[i], in.unknown(lines[i]), found))
		}
		return b.String(), nil
	})
}

// Notes say what there is to know of the translations.
func (t *Translator) Notes() []string { return t.best.Remarks(t.Options.Unknown != nil) }

// draw shows on the page where the attention looked. What is not drawn need not be kept.
func (t *Translator) draw(number int, line string, found []run.Translation) error {
	if t.Page == nil || len(found) == 0 {
		return nil
	}
	err := t.Page.Add(number, line, t.Model.Source(line), found[0])
	t.Options.Weights = !t.Page.Full()
	return err
}

// lines are what is written for a line.
func (t *Translator) lines(number int, line string, unknown int, found []run.Translation) string {
	x := translated{Source: line, Unknown: unknown, Translations: []translation{}}
	for _, h := range found {
		x.Translations = append(x.Translations, translation{
			strings.ReplaceAll(h.Text, "\n", " "), run.Float(h.LogProb), run.Float(h.Score), h.Ended, h.Unknowns(),
		})
	}
	switch {
	case t.JSON:
		return jsonLine(x)
	case t.Options.Beam.Best > 1:
		var b strings.Builder
		for _, y := range x.Translations {
			fmt.Fprintf(&b, "%d\t%.4f\t%s\n", number, y.LogProb, y.Text)
		}
		return b.String()
	case len(found) == 0:
		return "\n"
	}
	return x.Translations[0].Text + "\n"
}
