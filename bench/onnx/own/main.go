// Own trains models with cells and an attention of its own, exports them as ONNX, and answers lines as the command
// answers them with --json: see ../runs.sh. It is a program as a user writes one.
//
//	own train FOLDER    own export RUN FILE PART    own answer RUN [WIDTH LENGTH COVERAGE] < LINES
//
// The numbers are of a beam: its width, the most tokens of a translation, and the coverage penalty.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// ligru is the light GRU of Ravanelli et al. (2018), without its batch normalisation, and with a leak λ that is learned:
//
//	z  = σ(W_z·[x; h] + b_z)
//	h' = λ ⊙ h + (1-λ) ⊙ (z ⊙ h + (1-z) ⊙ relu(W_h·[x; h] + b_h))    λ = σ(l)
type ligru struct {
	z, h *models.Linear
	leak *G.Node
}

func (ligru) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return ligru{
		models.NewLinear(p, "z", in+hidden, hidden), models.NewLinear(p, "h", in+hidden, hidden),
		p.Uniform("leak", 1, 1, hidden),
	}, nil
}

func (ligru) States() int { return 1 }

func (c ligru) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]
	both := b.Concat(1, x, h)
	z, candidate := b.Sigmoid(c.z.Apply(b, both)), b.ReLU(c.h.Apply(b, both))
	mixed := b.Add(b.Mul(z, h), b.Mul(b.Affine(z, -1, 1), candidate))
	leak := b.Broadcast(b.Sigmoid(c.leak), h.Shape()...)
	return []*G.Node{b.Add(b.Mul(leak, h), b.Mul(b.Affine(leak, -1, 1), mixed))}
}

// scaled is score(q, m_s) = (W·q)·m_s / √D.
type scaled struct{ weight *G.Node }

func (scaled) NewAttention(p *models.Params, hidden, memory int) (models.Attention, error) {
	return scaled{p.Uniform("weight", 1/math.Sqrt(float64(hidden)), memory, hidden)}, nil
}

func (a scaled) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	q := b.Product(query, a.weight, op.TransY)
	scores := b.Squeeze(b.Product(b.Expand(q, 1), memory, op.TransY), 1)
	return b.Affine(scores, 1/math.Sqrt(float64(a.weight.Shape()[0])), 0)
}

var own = []run.Option{run.Cell("ligru", ligru{}), run.Attention("scaled", scaled{})}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("own train FOLDER, own export RUN FILE PART or own answer RUN")
	}
	switch dir := os.Args[2]; os.Args[1] {
	case "train":
		train(dir)
	case "export":
		var file bytes.Buffer
		_, err := open(dir).WriteONNX(&file, os.Args[4])
		check(err)
		check(run.WriteFile(os.Args[3], file.Bytes()))
	case "answer":
		beam := decode.Beam{Width: 1}
		if len(os.Args) > 3 {
			_, err := fmt.Sscan(strings.Join(os.Args[3:], " "), &beam.Width, &beam.MaxLength, &beam.Coverage)
			check(err)
			beam.Length = 0.6
		}
		answer(open(dir), beam)
	}
}

func open(dir string) *run.Run {
	r, err := run.Open(dir, own...)
	check(err)
	return r
}

func train(dir string) {
	for _, task := range []string{run.TaskLM, run.TaskClassify, run.TaskSeq2Seq, run.TaskTag} {
		c := run.Defaults(task)
		c.Model.Cell, c.Model.Hidden, c.Training.Epochs, c.Training.Steps = "ligru", 24, 0, 150
		c.Model.Layers = 2
		work, name := begun(c)
		_, err := run.Train(context.Background(), filepath.Join(dir, name), work, run.Options{})
		check(err)
		work.Close()
	}
}

// begun is the task of a configuration, and the name of its run.
func begun(c run.Config) (task run.Task, name string) {
	switch c.Task {
	case run.TaskLM:
		c.Training.Batch, c.Training.Seq = 4, 16
		text, err := datasets.ReadText("text.txt")
		check(err)
		task, err = run.NewLM(c, text, nil, own...)
		check(err)
		return task, "lm-own"
	case run.TaskClassify:
		c.Model.Bidirectional = true
		table, err := datasets.ReadTable("squares.tsv", datasets.Format{})
		check(err)
		task, err = run.NewClassifier(c, table, nil, own...)
		check(err)
		return task, "classify-own"
	case run.TaskTag:
		words, err := datasets.ReadTagged("tags.txt", datasets.Columns, datasets.Format{})
		check(err)
		task, err = run.NewTagger(c, words, nil, own...)
		check(err)
		return task, "tag-own"
	}
	c.Model.Attention = "scaled"
	pairs, err := datasets.ReadPairs("pairs.tsv", datasets.Format{})
	check(err)
	task, err = run.NewSeq2Seq(c, pairs, nil, own...)
	check(err)
	return task, "translate-own"
}

func answer(r *run.Run, beam decode.Beam) {
	ctx := context.Background()
	var lines []string
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		lines = append(lines, strings.TrimSpace(s.Text())) // as the command reads them
	}
	switch r.Config().Task {
	case run.TaskLM:
		m, err := r.LanguageModel()
		check(err)
		for _, line := range lines {
			prompt, _, err := r.Prompt("the prompt", line, false)
			check(err)
			var text strings.Builder
			check(m.Write(ctx, prompt, 40, decode.Sampling{}, 1, func(s string) error { text.WriteString(s); return nil }))
			write(map[string]any{"text": text.String()})
		}
	case run.TaskClassify:
		m, err := r.Classifier()
		check(err)
		all, err := m.Classify(ctx, lines)
		check(err)
		for _, labels := range all {
			var each []any
			for _, l := range labels {
				each = append(each, map[string]any{"label": l.Name, "probability": l.Probability})
			}
			write(map[string]any{"labels": each})
		}
	case run.TaskSeq2Seq:
		m, err := r.Translator()
		check(err)
		all, err := m.Translate(ctx, 1, lines, run.TranslateOptions{Beam: beam})
		check(err)
		for _, found := range all {
			t := found[0]
			write(map[string]any{"translations": []any{
				map[string]any{"text": t.Text, "log_prob": t.LogProb, "finished": t.Ended},
			}})
		}
	case run.TaskTag:
		m, err := r.Tagger()
		check(err)
		for _, line := range lines {
			tags, err := m.Tag(ctx, [][]string{strings.Fields(line)})
			check(err)
			write(map[string]any{"tags": tags[0]})
		}
	}
}

func write(x any) {
	data, err := json.Marshal(x)
	check(err)
	fmt.Println(string(data))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
