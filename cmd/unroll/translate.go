package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// translateCmd translates the lines of stdin.
type translateCmd struct {
	Dir string `arg:"" name:"RUN" help:"Folder that unroll train seq2seq wrote."`
	beamFlags
	NBest     int    `name:"n-best" default:"1" help:"Translations of each line. If more than one, each is a line with the number of the source's line, ln p and the translation, with tabs between."`
	Attention string `placeholder:"FILE" help:"Draw where the attention looked: an HTML file with a picture for each of the first ${drawn} lines."`
	JSON      bool   `name:"json" help:"Write a JSON object a line, with the translations and their ln p."`

	Temperature *float64 `group:"Drawing words at random:" placeholder:"X" help:"Draw each token from the distribution of the logits divided by X, instead of searching for the likeliest; 1 leaves them as they are."`
	TopK        int      `group:"Drawing words at random:" name:"top-k" default:"0" help:"Draw from the so many likeliest tokens only; 0: from all."`
	TopP        float64  `group:"Drawing words at random:" name:"top-p" default:"1" help:"Draw from the fewest tokens only that have this probability together; 1: from all."`
	Seed        uint64   `group:"Drawing words at random:" default:"1" help:"Seed of what is drawn."`
	useFlags
}

// beamFlags say how to search for a translation.
type beamFlags struct {
	Beam            int     `default:"1" help:"Beginnings that are kept at every step; 1: the likeliest only."`
	LengthPenalty   float64 `default:"0.6" help:"How much longer translations of a beam are preferred: alpha of Wu et al. (2016); 0: not at all."`
	CoveragePenalty float64 `default:"0" help:"How much translations of a beam are preferred whose attention looked at all of the source: beta of Wu et al. (2016); 0: not at all."`
	MaxLength       *int    `placeholder:"N" help:"The most tokens of a translation. Default: twice as many as the source has, and 20."`
}

// maxBeam is the widest beam: more has no use and takes much memory.
const maxBeam = 1000

// check says what is wrong with the flags.
func (f *beamFlags) check() error {
	switch {
	case f.Beam < 1 || f.Beam > maxBeam:
		return usage("--beam is %d: it must be at least 1 and at most %s", f.Beam, thousands(maxBeam))
	case !(f.LengthPenalty >= 0) || math.IsInf(f.LengthPenalty, 0):
		return usage("--length-penalty is %g: it must not be negative", f.LengthPenalty)
	case !(f.CoveragePenalty >= 0) || math.IsInf(f.CoveragePenalty, 0):
		return usage("--coverage-penalty is %g: it must not be negative", f.CoveragePenalty)
	case f.MaxLength != nil && *f.MaxLength < 1:
		return usage("--max-length is %d: it must be at least 1", *f.MaxLength)
	}
	return nil
}

// fits says what is wrong with the flags for a model.
func (f *beamFlags) fits(r *trained) error {
	if f.CoveragePenalty > 0 && r.config.Model.Attention == noAttention {
		return usage("--coverage-penalty asks where the attention looked, and the model of %s has none: leave it out", r.dir)
	}
	return nil
}

// longest is the most tokens of the translation of a source of so many, ends included.
func (f *beamFlags) longest(tokens int) int {
	n := 2*tokens + 20
	set(&n, f.MaxLength)
	return n
}

// search is the search for translations of sources of so many tokens each.
func (f *beamFlags) search(tokens ...int) decode.Beam {
	b := decode.Beam{Width: f.Beam, Length: f.LengthPenalty, Coverage: f.CoveragePenalty}
	for _, n := range tokens {
		b.Limits = append(b.Limits, f.longest(n))
	}
	return b
}

func (k *translateCmd) check() error {
	if err := k.beamFlags.check(); err != nil {
		return err
	}
	draw := k.sampling()
	switch {
	case k.NBest < 1:
		return usage("--n-best is %d: it must be at least 1", k.NBest)
	case k.Temperature == nil && k.NBest > k.Beam:
		return usage("--n-best %d needs a --beam at least as wide, and it is %d", k.NBest, k.Beam)
	case k.Temperature == nil && (k.TopK != 0 || k.TopP != 1):
		return usage("--top-k and --top-p are for drawing at random: give a --temperature, too, or leave them out")
	case k.Temperature != nil && k.Beam > 1:
		return usage("--beam searches for the likeliest translation and --temperature draws one at random: leave one of them out")
	case k.NBest > maxBeam:
		return usage("--n-best is %d: it must be at most %s", k.NBest, thousands(maxBeam))
	}
	if err := checkSampling(draw); err != nil {
		return err
	}
	return k.useFlags.check()
}

func (k *translateCmd) sampling() decode.Sampling {
	s := decode.Sampling{TopK: k.TopK, TopP: k.TopP}
	set(&s.Temperature, k.Temperature)
	return s
}

// checkSampling says what is wrong, in the terms of the flags.
func checkSampling(s decode.Sampling) error {
	switch {
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0):
		return usage("--temperature is %g: it must not be negative", s.Temperature)
	case s.TopK < 0:
		return usage("--top-k is %d: it must be at least 1, or 0 for all", s.TopK)
	case !(s.TopP > 0 && s.TopP <= 1):
		return usage("--top-p is %g: it must be larger than 0 and at most 1", s.TopP)
	}
	return nil
}

// translated is what translate --json writes for a line.
type translated struct {
	Source       string        `json:"source"`
	Translations []translation `json:"translations"`
}

type translation struct {
	Text    string       `json:"text"`
	LogProb runlog.Float `json:"log_prob"`
	Score   runlog.Float `json:"score"` // by which those of a beam are ranked
}

func (k *translateCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := openTrained(k.Dir, taskSeq2Seq)
	if err != nil {
		return err
	}
	if err := k.fits(r); err != nil {
		return err
	}
	var page *attentionPage
	if k.Attention != "" {
		if page, err = newAttentionPage(k.Attention, r, k.how()); err != nil {
			return err
		}
	}
	m, at, err := k.seq2seq(a, r)
	if err != nil {
		return err
	}
	defer m.Close()
	err = eachLine(a.stdin, a.stdout, func(number int, line string) (string, error) {
		if strings.TrimSpace(line) == "" {
			return k.write(number, line, nil, nil), nil
		}
		tokens, _ := r.vocab.EncodeLine(line)
		tokens = append(tokens, datasets.End)
		source := padded(tokens)
		beam := k.search(len(tokens))
		beam.Best = k.NBest
		var found [][]decode.Hypothesis
		var err error
		if k.Temperature != nil {
			found, err = m.Sample(source, 1, k.NBest, []int{k.longest(len(tokens))}, k.sampling(), []*rand.Rand{rand.New(rand.NewPCG(k.Seed, uint64(number)))})
		} else {
			found, err = m.Search(source, 1, beam)
		}
		if err != nil {
			return "", err
		}
		if page != nil {
			page.add(number, line, tokens, found[0][0])
		}
		return k.write(number, line, r.target, found[0]), nil
	})
	if err != nil {
		return err
	}
	if page == nil {
		return nil
	}
	return page.write(at)
}

// padded is a source of a length for which there is likely a program.
func padded(tokens []int32) []int32 {
	source := make([]int32, roundedLength(len(tokens)))
	copy(source, tokens)
	return source
}

// how says in words how translations are found.
func (k *translateCmd) how() string {
	switch {
	case k.Temperature != nil:
		return fmt.Sprintf("drawn at random, temperature %g", *k.Temperature)
	case k.Beam > 1:
		return fmt.Sprintf("beam search of width %d", k.Beam)
	}
	return "the likeliest token at every step"
}

// write is what is written for a line.
func (k *translateCmd) write(number int, line string, target *datasets.Vocab, found []decode.Hypothesis) string {
	t := translated{Source: line, Translations: []translation{}}
	for _, h := range found {
		text := strings.ReplaceAll(target.Decode(h.Tokens), "\n", " ")
		t.Translations = append(t.Translations, translation{text, runlog.Float(h.LogProb), runlog.Float(h.Score)})
	}
	switch {
	case k.JSON:
		return jsonLine(t)
	case k.NBest > 1:
		var b strings.Builder
		for _, x := range t.Translations {
			fmt.Fprintf(&b, "%d\t%.4f\t%s\n", number, x.LogProb, x.Text)
		}
		return b.String()
	case len(found) == 0:
		return "\n"
	}
	return t.Translations[0].Text + "\n"
}

// jsonLine is a JSON object on a line.
func jsonLine(x any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil { // strings and numbers always encode
		panic(err)
	}
	return b.String()
}

// seq2seq builds the model of a run and loads the checkpoint that the flags name.
func (u *useFlags) seq2seq(a *app, r *trained) (*trainer.Seq2Seq, position, error) {
	if err := u.runOn(a, r.config); err != nil {
		return nil, position{}, err
	}
	m, err := newSeq2Seq(r.config)
	if err != nil {
		return nil, position{}, err
	}
	at, err := u.load(r, m)
	return m, at, err
}
