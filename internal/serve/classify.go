package serve

import (
	"context"
	"encoding/json"

	"github.com/unroll-ml/unroll/trainer/run"
)

// classifier labels texts, or series.
type classifier struct {
	run    *run.Run
	model  *run.Classifier
	series bool
}

func openClassifier(r *run.Run) (task, error) {
	m, err := r.Classifier()
	if err != nil {
		return nil, err
	}
	return &classifier{r, m, r.Config().Model.Series != nil}, nil
}

func (c *classifier) input(raw json.RawMessage) (any, error) {
	if c.series {
		return caseInput(raw, c.run)
	}
	return lineInput(raw, c.run.Vocab())
}

func (c *classifier) steps(input any) int {
	if c.series {
		return caseSteps(input)
	}
	return input.(line).tokens
}

func (c *classifier) check(*options) error   { return nil }
func (c *classifier) together(*options) bool { return true }
func (c *classifier) close() error           { return c.model.Close() }

func (c *classifier) predict(ctx context.Context, o *options, inputs []any, _ func(token)) ([]output, error) {
	var all [][]run.Label
	var err error
	if c.series {
		all, err = c.model.ClassifyCases(ctx, cases(inputs))
	} else {
		all, err = c.model.Classify(ctx, texts(inputs))
	}
	if err != nil {
		return nil, callerFault(err)
	}
	outputs := make([]output, len(inputs))
	for i, labels := range all {
		for _, l := range labels[:min(o.Top, len(labels))] {
			outputs[i].Labels = append(outputs[i].Labels, label{l.Name, run.Float(l.Probability)})
		}
		if len(labels) > 0 { // none for a blank text
			outputs[i].Label, outputs[i].Probability = &labels[0].Name, some(run.Float(labels[0].Probability))
		}
		if !c.series {
			outputs[i].Unknown = inputs[i].(line).unknown
		}
	}
	return outputs, nil
}
