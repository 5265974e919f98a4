package main

import (
	"context"

	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// translateCmd translates the lines of stdin.
type translateCmd struct {
	Dirs []string `arg:"" name:"RUN" help:"Folder that unroll train seq2seq wrote; several answer together."`
	beamFlags
	NBest     int    `name:"n-best" default:"1" help:"Translations of each line. If more than one, each is a line with the number of the source's line, ln p and the translation, with tabs between."`
	Attention string `placeholder:"FILE" help:"Draw where the attention looked: an HTML file with a picture for each of the first ${drawn} lines."`
	JSON      bool   `name:"json" help:"Write a JSON object a line, with the translations, their ln p, and whether they are finished."`

	JoinSubwords bool `help:"Make words of parts that the training data mark as such: No@@ us, or \u2581No us."`

	Temperature *float64 `group:"Sampling:" placeholder:"X" help:"Sample each token, with the logits divided by X, instead of searching for the most likely translation; lower is more conservative."`
	TopK        int      `group:"Sampling:" name:"top-k" default:"0" help:"Sample from the K most likely tokens; 0: from all."`
	TopP        float64  `group:"Sampling:" name:"top-p" default:"1" help:"Sample from the fewest tokens whose probabilities sum to P; 1: from all."`
	Seed        uint64   `group:"Sampling:" default:"1" help:"Seed of sampling."`
	useFlags
}

// beamFlags say how to search for a translation.
type beamFlags struct {
	Beam            int     `default:"1" help:"Beam width: hypotheses kept at every step; 1: the most likely token only."`
	LengthPenalty   float64 `default:"0.6" help:"How much longer translations of a beam are preferred: alpha of Wu et al. (2016); 0: not at all."`
	CoveragePenalty float64 `default:"0" help:"How much translations of a beam are preferred whose attention looked at all of the source: beta of Wu et al. (2016); 0: not at all."`
	NoRepeatNgram   int     `placeholder:"N" default:"0" help:"Do not write the same N tokens in a row twice; 0: they may repeat."`
	ReplaceUnk      bool    `help:"For a word that the model does not know, write a word of the source instead of what stands for unknown words: of those that the model does not know either, if there are any, the one that the attention looked at most."`
	UnkDictionary   string  `placeholder:"FILE" help:"As --replace-unk, but write what the file has for that word, if it is there: a word of a source, a tab and its translation a line."`
	MaxLength       *int    `placeholder:"N" help:"The most tokens of a translation. Default: as the run was trained with, or a quarter more than the longest target of such sources in the training data."`
}

// maxBeam is the widest beam: more has no use and takes much memory.
const maxBeam = 1000

// check says what is wrong with the flags.
func (f *beamFlags) check() error {
	switch {
	case f.Beam > maxBeam:
		return usage("--beam is %d: it must be at most %s", f.Beam, words.Thousands(maxBeam))
	case f.MaxLength != nil && *f.MaxLength < 1:
		return usage("--max-length is %d: it must be at least 1", *f.MaxLength)
	}
	return f.beam(1).Check()
}

// beam is the search for so many translations.
func (f *beamFlags) beam(best int) decode.Beam {
	b := decode.Beam{Width: f.Beam, Best: best, Length: f.LengthPenalty, Coverage: f.CoveragePenalty,
		NoRepeat: f.NoRepeatNgram}
	set(&b.MaxLength, f.MaxLength)
	return b
}

// fits says what is wrong with the flags for a model.
func (f *beamFlags) fits(r *run.Run) error {
	if r.Attends() {
		return nil
	}
	for _, x := range []struct {
		flag  string
		given bool
	}{
		{"coverage-penalty", f.CoveragePenalty > 0},
		{"replace-unk", f.ReplaceUnk},
		{"unk-dictionary", f.UnkDictionary != ""},
	} {
		if x.given {
			return usage("--%s asks where the attention looked, and the model of %s has none: leave it out", x.flag, r.Dir())
		}
	}
	return nil
}

// options are how to translate. The dictionary is read.
func (f *beamFlags) options() (o translate.Options, err error) {
	o.Beam = f.beam(1)
	if f.ReplaceUnk {
		o.Unknown = &translate.Replacement{}
	}
	if f.UnkDictionary != "" {
		o.Unknown = &translate.Replacement{}
		if o.Unknown.Words, err = translate.ReadDictionary(f.UnkDictionary); err != nil {
			return o, run.NewInputError("--unk-dictionary", err)
		}
	}
	return o, nil
}

func (k *translateCmd) check() error {
	if err := k.beamFlags.check(); err != nil {
		return err
	}
	switch {
	case k.NBest < 1:
		return usage("--n-best is %d: it must be at least 1", k.NBest)
	case k.Temperature == nil && (k.TopK != 0 || k.TopP != 1):
		return usage("--top-k and --top-p are for sampling: give a --temperature, too, or leave them out")
	case k.Temperature != nil && k.Beam > 1:
		return usage("--beam searches for the most likely translation and --temperature samples one: leave one of them out")
	case k.NBest > maxBeam:
		return usage("--n-best is %d: it must be at most %s", k.NBest, words.Thousands(maxBeam))
	}
	if k.Temperature == nil {
		if err := k.beam(k.NBest).Check(); err != nil {
			return err
		}
	}
	if err := k.sampling().Check(); err != nil {
		return err
	}
	return k.useFlags.check()
}

func (k *translateCmd) sampling() decode.Sampling {
	s := decode.Sampling{TopK: k.TopK, TopP: k.TopP}
	set(&s.Temperature, k.Temperature)
	return s
}

func (k *translateCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.openAll(a, k.Dirs, run.TaskSeq2Seq)
	if err != nil {
		return err
	}
	if err := k.fits(r); err != nil {
		return err
	}
	o, err := k.options()
	if err != nil {
		return err
	}
	var page *attention.Page
	if k.Attention != "" {
		if page, err = newAttentionPage(k.Attention, r, o); err != nil {
			return err
		}
		defer page.Close()
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Translator()
	if err != nil {
		return err
	}
	defer m.Close()
	in := apply.NewLines(stdinName, a.stdin, r)
	t := apply.Translator{Model: m, Options: o, JSON: k.JSON, Page: page, To: a.texts()}
	a.inviteTyping()
	err = t.Lines(context.Background(), in)
	a.say(in.Notes())
	a.say(t.Notes())
	if err != nil || page == nil {
		return err
	}
	return page.Write(r.Dir(), report.Attending(r))
}

// options are how to translate.
func (k *translateCmd) options() (translate.Options, error) {
	o, err := k.beamFlags.options()
	o.Beam.Best, o.Seed, o.Weights, o.JoinSubwords = k.NBest, k.Seed, k.Attention != "", k.JoinSubwords
	if k.Temperature != nil {
		s := k.sampling()
		s.NoRepeat = k.NoRepeatNgram
		o.Sampling = &s
	}
	return o, err
}
