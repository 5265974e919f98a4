package main

import (
	"math"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// translateCmd translates the lines of stdin.
type translateCmd struct {
	Dir           string  `arg:"" name:"RUN" help:"Folder that unroll train seq2seq wrote."`
	Beam          int     `default:"1" help:"Beginnings that are kept at every step; 1: the likeliest only."`
	LengthPenalty float64 `default:"0.6" help:"How much longer translations of a beam are preferred, as in Wu et al. (2016); 0: not at all."`
	MaxLength     *int    `placeholder:"N" help:"The most tokens of a translation. Default: twice as many as the source has, and 20."`
	useFlags
}

// maxBeam is the widest beam: more has no use and takes much memory.
const maxBeam = 1000

func (k *translateCmd) Run(a *app) error {
	switch {
	case k.Beam < 1 || k.Beam > maxBeam:
		return usage("--beam is %d: it must be at least 1 and at most %s", k.Beam, thousands(maxBeam))
	case !(k.LengthPenalty >= 0) || math.IsInf(k.LengthPenalty, 0):
		return usage("--length-penalty is %g: it must not be negative", k.LengthPenalty)
	case k.MaxLength != nil && *k.MaxLength < 1:
		return usage("--max-length is %d: it must be at least 1", *k.MaxLength)
	}
	if err := k.check(); err != nil {
		return err
	}
	r, err := openTrained(k.Dir, taskSeq2Seq)
	if err != nil {
		return err
	}
	m, _, err := k.seq2seq(r)
	if err != nil {
		return err
	}
	defer m.Close()
	return eachLine(a.stdin, a.stdout, func(line string) (string, error) {
		tokens, _ := r.vocab.EncodeLine(line)
		source := make([]int32, roundedLength(len(tokens)+1)) // padded
		copy(source, append(tokens, datasets.End))
		beam := models.Beam{Width: k.Beam, Length: k.LengthPenalty, MaxLength: longestWritten(len(tokens) + 1)}
		set(&beam.MaxLength, k.MaxLength)
		found, err := m.Search(source, beam)
		if err != nil {
			return "", err
		}
		return strings.ReplaceAll(r.target.Decode(found[0].Tokens), "\n", " "), nil
	})
}

// seq2seq builds the model of a run and loads the checkpoint that the flags name.
func (u *useFlags) seq2seq(r *trained) (*trainer.Seq2Seq, position, error) {
	u.runOn(r.config)
	m, err := newSeq2Seq(r.config)
	if err != nil {
		return nil, position{}, err
	}
	at, err := u.load(r, m)
	return m, at, err
}
