package apply

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Classifier writes the likeliest labels of what it reads: a line of labels and probabilities, with tabs between, or of
// JSON.
type Classifier struct {
	Model *run.Classifier
	Top   int // how many labels
	JSON  bool
	To    io.Writer
}

// classified is the JSON of a line, of an image or of a series.
type classified struct {
	Text    *string `json:"text,omitempty"`    // of a line
	Image   int     `json:"image,omitempty"`   // its number in the file, from 1
	Series  int     `json:"series,omitempty"`  // likewise
	Unknown int     `json:"unknown,omitempty"` // of its tokens
	Labels  []label `json:"labels"`            // the likeliest first
}

type label struct {
	Label       string    `json:"label"`
	Probability run.Float `json:"probability"`
}

// Lines classifies lines.
func (c *Classifier) Lines(ctx context.Context, in *Lines) error {
	return in.each(c.To, run.MostTexts, func(_ int, lines []string) (string, error) {
		labels, err := c.Model.Classify(ctx, lines)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for i, line := range lines {
			b.WriteString(c.line(classified{Text: &line, Unknown: in.unknown(line)}, labels[i]))
		}
		return b.String(), nil
	})
}

// Images classifies images.
func (c *Classifier) Images(ctx context.Context, images *datasets.Images) error {
	for from := 0; from < images.Len(); from += run.MostTexts {
		labels, err := c.Model.ClassifyImages(ctx, images, from, min(from+run.MostTexts, images.Len()))
		if err != nil {
			return err
		}
		for i := range labels {
			if _, err := io.WriteString(c.To, c.line(classified{Image: from + i + 1}, labels[i])); err != nil {
				return errors.WithStack(err)
			}
		}
	}
	return nil
}

// Series classifies series.
func (c *Classifier) Series(ctx context.Context, cases *series.Cases) error {
	labels, err := c.Model.ClassifyCases(ctx, cases)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, l := range labels {
		b.WriteString(c.line(classified{Series: i + 1}, l))
	}
	_, err = io.WriteString(c.To, b.String())
	return errors.WithStack(err)
}

// line is what is written for a line, an image or a series; x has all but the labels.
func (c *Classifier) line(x classified, labels []run.Label) string {
	x.Labels = []label{}
	var fields []string
	for _, l := range labels[:min(c.Top, len(labels))] {
		x.Labels = append(x.Labels, label{l.Name, run.Float(l.Probability)})
		fields = append(fields, fmt.Sprintf("%s\t%.4f", l.Name, l.Probability))
	}
	if c.JSON {
		return jsonLine(x)
	}
	return strings.Join(fields, "\t") + "\n"
}
