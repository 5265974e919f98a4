package report

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// shownPairs are how many translations a summary shows.
const shownPairs = 6

// Summary says how a training in a folder has ended, and shows what the weights that the task has now can do: how good
// they are on the validation data, with examples, or some text. A forecaster's are drawn into the folder. example is
// what a language model or a translator can be tried with.
func Summary(ctx context.Context, w io.Writer, task run.Task, dir string, end run.End) (example string, err error) {
	ended, best := "", "best"
	if end.Why != "" {
		ended = ", ended by " + end.Why
	}
	if by := task.Config().Training.Best; by != run.LossScore {
		best = "best by " + by
	}
	fmt.Fprintf(w, "\n%s in %s%s; %s after step %s, with a validation loss of %.4f\ncurves: %s\n\n",
		words.Count(end.Step, "step", "steps"), words.Clock(end.Seconds), ended, best, words.Thousands(end.BestStep),
		end.BestLoss, filepath.Join(dir, run.CurvesName+".svg"))
	switch t := task.(type) {
	case *run.LMTask:
		return somePrompt(t.Vocab()), written(ctx, w, t)
	case *run.Seq2SeqTask:
		return translated(ctx, w, t)
	}
	m, err := task.Validate(ctx)
	if err != nil {
		return "", err
	}
	switch t := task.(type) {
	case *run.ClassifierTask:
		_, err = fmt.Fprintf(w, "of the validation examples %.1f%% are classified right:\n%s",
			100*float64(*m.Accuracy), Samples(m.Samples))
	case *run.RegressorTask:
		_, err = fmt.Fprintf(w, "validation: RMSE %.5g, MAE %.5g; always the mean: %.5g, %.5g\n",
			float64(*m.RMSE), float64(*m.MAE), float64(m.BaselineRMSE), float64(m.BaselineMAE))
	case *run.TaggerTask:
		unknown := ""
		if m.UnknownAccuracy != nil {
			unknown = fmt.Sprintf(", and %.1f%% of those that are not in the training data", 100*float64(*m.UnknownAccuracy))
		}
		_, err = fmt.Fprintf(w, "%.1f%% of the words of the validation data have the right tag%s\n",
			100*float64(*m.Accuracy), unknown)
	case *run.ForecastTask:
		err = drawn(w, t, &m, dir)
	}
	return "", err
}

// written writes some text.
func written(ctx context.Context, w io.Writer, t *run.LMTask) error {
	var text strings.Builder // of whole lines, which w may break
	err := t.Write(ctx, 300, decode.Sampling{Temperature: 0.5}, 1, func(s string) error {
		_, err := text.WriteString(s)
		return err
	})
	if err == nil {
		_, err = fmt.Fprintln(w, text.String())
	}
	return err
}

// translated shows translations, and gives the first source.
func translated(ctx context.Context, w io.Writer, t *run.Seq2SeqTask) (source string, err error) {
	x, err := t.Translated(ctx, shownPairs)
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(w, "validation pairs, translated:\n%s", Samples(x.Samples(shownPairs)))
	return x.Sources[0], err
}

// drawn shows forecasts, and draws some.
func drawn(w io.Writer, t *run.ForecastTask, m *run.Metrics, dir string) error {
	paths, err := t.Draw(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w,
		"the last values of each series, as they are forecast from those before:\n%s\npictures:\n  %s\n",
		Forecasts(m.ForecastMeasures), strings.Join(paths, "\n  "))
	return err
}

// somePrompt is a prompt that a model of the vocabulary can read: an English word, or else a word or a letter of it.
func somePrompt(v *datasets.Vocab) string {
	const prompt = "The "
	if _, unknown := v.EncodeLine(prompt); unknown == 0 {
		return prompt
	}
	letter := func(r rune) bool { return unicode.IsLetter(r) }
	for token := v.Reserved(); int(token) < v.Len(); token++ { // the most frequent words come first
		s := v.Decode([]int32{token})
		if strings.ContainsFunc(s, letter) && !strings.ContainsFunc(s, unicode.IsControl) {
			return s
		}
	}
	return v.Decode([]int32{int32(v.Len() - 1)})
}

// Attending says what a model with attention is, and where it stands.
func Attending(r *run.Run) string {
	m := &r.Config().Model
	return fmt.Sprintf("%s of %d units, attention %s, after step %s",
		m.Cell, m.Hidden, m.Attention, words.Thousands(r.At().Step))
}
