package serve

import (
	"context"
	"encoding/json"
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// translator translates texts.
type translator struct {
	run   *run.Run
	model *run.Translator
}

func openTranslator(r *run.Run) (task, error) {
	m, err := r.Translator()
	if err != nil {
		return nil, err
	}
	m.Keep(keptBytes)
	return &translator{r, m}, nil
}

// keptBytes is how much programs may keep for the shapes of batches that came, see run.Translator.
const keptBytes = 256 << 20

func (t *translator) close() error { return t.model.Close() }

// together: what is drawn depends on the number of a text among those of its request.
func (t *translator) together(o *options) bool { return o.Temperature == nil }

func (t *translator) input(raw json.RawMessage) (any, error) {
	x, err := lineInput(raw, t.run.Vocab())
	if n := x.tokens + 1; n > maxTokens { // and the end
		err = errors.Errorf("it has %d tokens, and at most %d are translated: cut it", n, maxTokens)
	}
	return x, err
}

func (t *translator) steps(input any) int { return input.(line).tokens + 1 }

func (t *translator) check(o *options) error {
	attends := t.run.Attends()
	switch {
	case !attends && (o.Attention || o.Replace || o.Coverage > 0):
		return wrong("the model has no attention: leave out attention, replace_unknown and coverage_penalty")
	case o.Temperature == nil && (o.TopK != 0 || o.TopP != 1):
		return wrong("top_k and top_p are for sampling: give a temperature, too, or leave them out")
	case o.Temperature != nil && o.Beam > 1:
		return wrong("beam searches for the most likely translation and temperature samples one: leave one of them out")
	case o.Temperature == nil && o.NBest > o.Beam:
		return wrong("n_best is %d: it must be at most beam, which is %d", o.NBest, o.Beam)
	}
	return nil
}

// how is how the options ask for translations.
func (o *options) how() translate.Options {
	x := translate.Options{
		Beam: decode.Beam{
			Width: o.Beam, Best: o.NBest, Length: o.Penalty, Coverage: o.Coverage, NoRepeat: o.NoRepeat, MaxLength: o.Longest,
		},
		Seed: o.Seed, Weights: o.Attention, JoinSubwords: o.Join,
	}
	if o.Temperature != nil {
		x.Sampling = &decode.Sampling{Temperature: *o.Temperature, TopK: o.TopK, TopP: o.TopP, NoRepeat: o.NoRepeat}
	}
	if o.Replace {
		x.Unknown = &translate.Replacement{}
	}
	return x
}

func (t *translator) predict(ctx context.Context, o *options, inputs []any, _ func(token)) ([]output, error) {
	lines, how := texts(inputs), o.how()
	all, err := t.model.Translate(ctx, 1, lines, how)
	var long *translate.TooLongError
	if errors.As(err, &long) {
		return nil, wrong("inputs: %v", long)
	}
	if err != nil {
		return nil, callerFault(err)
	}
	detailed := o.NBest > 1 || o.Probabilities || o.Attention || how.Beam.Width > 1 || how.Sampling != nil
	outputs := make([]output, len(lines))
	for i, found := range all {
		outputs[i] = t.output(inputs[i].(line), found, o, detailed)
	}
	return outputs, nil
}

// output is the output for a text; found is empty if it is blank.
func (t *translator) output(x line, found []run.Translation, o *options, detailed bool) output {
	if len(found) == 0 {
		return output{Text: some(""), Finished: some(true)}
	}
	best := &found[0]
	out := output{Text: &best.Text, Finished: &best.Ended, Unknown: x.unknown}
	if detailed {
		out.LogProb, out.Score = some(run.Float(best.LogProb)), some(run.Float(best.Score))
	}
	if o.NBest > 1 {
		for _, x := range found {
			out.Alternatives = append(out.Alternatives, alternative{x.Text, x.Ended, run.Float(x.LogProb), run.Float(x.Score)})
		}
	}
	if o.Probabilities {
		for i, ln := range best.Each {
			out.Tokens = append(out.Tokens, token{attention.Shown(t.run.Target(), best.Tokens[i]), run.Float(math.Exp(ln))})
		}
	}
	if o.Attention {
		out.Attention = t.weights(x.text, best)
	}
	return out
}

// weights are where the attention looked.
func (t *translator) weights(line string, x *run.Translation) *weights {
	source := t.model.Source(line)
	w := &weights{Source: attention.Source(t.run.Vocab(), line, source)}
	for i, row := range x.Weights {
		w.Target = append(w.Target, attention.Shown(t.run.Target(), x.Tokens[i]))
		w.Weights = append(w.Weights, floats(row))
	}
	return w
}
