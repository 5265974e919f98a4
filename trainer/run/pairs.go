package run

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The kinds of data of a sequence-to-sequence model.
const (
	KindPairs    = "pairs" // a source, a tab and its target a line
	KindParallel = "src"   // two files, line for line
	KindTask     = "task"  // one of tasks.Tasks, of which the data are made
)

// How many pairs of a task there are.
const (
	taskPairs = 10_000
	taskHeld  = 500
)

// rawPairs are pairs before they are encoded.
type rawPairs struct {
	name, sha256 string
	pairs        *datasets.Pairs
	test         *datasets.Pairs // those that a task has for measuring; else nil
}

// readPairs reads what a setting, or a file, of that name names. The seed is that of the run.
func readPairs(name string, s *Source, seed uint64) (*rawPairs, error) {
	x := &rawPairs{}
	var err error
	switch s.Kind {
	case KindPairs:
		x.pairs, err = datasets.ReadPairs(s.Paths[0], s.Format)
	case KindParallel:
		x.pairs, err = datasets.ReadParallel(s.Paths[0], s.Paths[1], s.Format.SkipBad)
	default:
		x.pairs, x.test, err = tasks.Pairs(s.Paths[0], tasks.Config{Seed: seed, Train: taskPairs, Valid: taskHeld})
	}
	if err != nil {
		return nil, NewInputError(name, err)
	}
	x.name, x.sha256, s.Column = x.pairs.Name, x.pairs.SHA256, x.pairs.Column
	if s.Kind == KindTask {
		s.Column = 1
	}
	return x, nil
}

// divide gives the pairs to train on and those to measure on: a part, or those that a task has for measuring.
// Pairs of one source stay together.
func (x *rawPairs) divide(c *Config) (train, valid pairsPart, err error) {
	if x.test != nil {
		return x.all(), allPairs(x.test), nil
	}
	if err := c.Data.checkReading(); err != nil {
		return train, valid, err
	}
	train, valid = pairsPart{pairs: x.pairs}, pairsPart{pairs: x.pairs}
	d := datasets.Division{Name: x.name, Len: x.pairs.Len(), Part: c.Data.validShare(), Seed: c.Training.Seed,
		Key: x.pairs.Sources}
	train.which, valid.which, err = d.Split()
	return train, valid, err
}

func (x *rawPairs) origin() (name, sha256 string) { return x.name, x.sha256 }

// all is the whole.
func (x *rawPairs) all() pairsPart { return allPairs(x.pairs) }

// toMeasure is the whole.
func (x *rawPairs) toMeasure() pairsPart { return x.all() }

// notes say what was taken for what, and what was left out.
func (x *rawPairs) notes() []string {
	return append(slices.Clone(x.pairs.Notes), leftOut(x.name, x.pairs.Skipped)...)
}

// pairsPart are some of the pairs.
type pairsPart struct {
	pairs *datasets.Pairs
	which []int32
}

func allPairs(p *datasets.Pairs) pairsPart { return pairsPart{p, numbers(p.Len())} }

// The sides of a pair.
func sourceSide(p datasets.Pair) string { return p.Source }
func targetSide(p datasets.Pair) string { return p.Target }

// texts are those of one side. They end early if one cannot be read, which is then in failed.
func (p pairsPart) texts(side func(datasets.Pair) string, failed *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range p.which {
			pair, err := p.pairs.Pair(int(i))
			if err != nil {
				*failed = err
				return
			}
			if !yield(side(pair)) {
				return
			}
		}
	}
}

// vocab builds the vocabulary of one side.
func (p pairsPart) vocab(c *Config, n *spaces, side func(datasets.Pair) string) (*datasets.Vocab, error) {
	var failed error
	v, err := datasets.BuildVocab(c.Model.vocab(), n.count(c.Model.tokenKind(), p.texts(side, &failed)))
	if failed != nil {
		return nil, failed
	}
	return v, err
}

// vectors reads those that the embeddings of sources and of targets begin with.
func (p pairsPart) vectors(c *Config, source, target *datasets.Vocab) (notes []string, err error) {
	var failed error
	for _, x := range []struct {
		pretrained
		vocab *datasets.Vocab
		side  func(datasets.Pair) string
	}{{c.sourceVectors(), source, sourceSide}, {c.targetVectors(), target, targetSide}} {
		some, err := c.readVectors(x.pretrained, x.vocab, p.texts(x.side, &failed))
		if err = cmp.Or(failed, err); err != nil {
			return nil, err
		}
		notes = append(notes, some...)
	}
	return notes, nil
}

// translations are pairs in batches.
type translations struct {
	pairsPart
	name    string
	plan    *batches.Plan
	encoded *batches.Seq2Seq
	longest int            // steps of a source and a target together
	steps   []int32        // of each pair, source and target together
	counts  batches.Counts // of all pairs that are in batches
	lengths decode.Lengths // likewise
}

// encode makes batches of a part as a config wants them. encoded are all its pairs, as tokens. Pairs with a
// side of more than longest tokens are left out; 0: none.
func (p pairsPart) encode(c *Config, encoded *batches.Seq2Seq, longest int) (*translations, error) {
	x := &translations{pairsPart: p, name: p.pairs.Name, encoded: encoded, steps: make([]int32, p.pairs.Len())}
	if longest > 0 {
		longest++ // the end token
	}
	limits := c.batches(len(p.which))
	if longest == 0 {
		limits = c.measuring(limits)
	}
	limits.Longest = batches.Shape{Source: longest, Target: longest}
	var failed error // to read a pair
	var lengths decode.LengthCounter
	plan, err := batches.NewPlan(limits, p.which, func(i int32) (batches.Shape, error) {
		counts, err := encoded.Count(i)
		failed = err
		s := counts.Shape()
		x.steps[i] = int32(s.Source + s.Target)
		if longest == 0 || max(s.Source, s.Target) <= longest {
			x.counts.Add(counts)
			lengths.Add(s.Source, s.Target)
		}
		return s, err
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, &datasets.Error{File: x.name, What: err.Error()}
	}
	x.plan, x.lengths = plan, lengths.Lengths()
	for _, s := range plan.Shapes() {
		x.longest = max(x.longest, s.Source+s.Target)
	}
	return x, nil
}

// What measures pairs has the logits of a batch in memory all at once: about so many of them.
const logitsAtOnce = 1 << 21

// measuring are batches for measuring: little padding, since all that is computed is used once, and little memory.
func (c *Config) measuring(b batches.Config) batches.Config {
	const tokens = 32 // of a target, about
	for b.Batch > 8 && b.Batch*tokens*c.Model.TargetVocab > logitsAtOnce {
		b.Batch /= 2
	}
	b.Buckets = max(b.Buckets, 24)
	return b
}

// fill makes a batch, and counts its tokens without padding.
func (x *translations) fill(g batches.Group) (*seq2seqBatch, error) {
	p, err := x.encoded.Fill(g)
	if err != nil {
		return nil, err
	}
	return &seq2seqBatch{
		Translations: trainer.Translations{
			SourceSteps: g.Source, TargetSteps: g.Target, Batch: len(g.Examples), Source: p.Sources, Target: p.Targets,
		},
		tokens: p.Tokens,
	}, nil
}

// tokens counts those of a batch as fill does.
func (x *translations) tokens(g batches.Group) (n int) {
	for _, i := range g.Examples {
		if i < 0 {
			n++ // the end of a source
		} else {
			n += int(x.steps[i])
		}
	}
	return n
}

// seq2seqBatch is a batch for trainer.Seq2Seq.
type seq2seqBatch struct {
	trainer.Translations
	tokens int // of sources and targets
}

// validate measures how well the model predicts the targets' tokens, one after the other.
func (x *translations) validate(ctx context.Context, models ...*trainer.Seq2Seq) (Metrics, error) {
	var total trainer.Sums
	groups := x.plan.InOrder()
	slices.Reverse(groups) // the longest first: what is large enough for them is for all
	err := parallel.Share(ctx, len(groups), func(i int) (all trainer.Sums, err error) {
		b, err := x.fill(groups[i])
		if err != nil {
			return all, err
		}
		for _, m := range models {
			s, err := m.Eval(b.Translations)
			if err != nil {
				return all, err
			}
			all.Add(s)
		}
		return all, nil
	}, func(_ int, s trainer.Sums) error {
		total.Add(s)
		return nil
	})
	if err != nil {
		return Metrics{}, err
	}
	measured := tokenMetrics(total) // of several models the means
	measured.Tokens /= len(models)
	total.Unknown /= len(models)
	measured.Examples = x.plan.Examples()
	measured.UnknownSources, measured.UnknownTargets = x.counts.Unknown[0], total.Unknown
	return measured, nil
}

// hintPairs is how many pairs are looked at to say why tokens are unknown.
const hintPairs = 1000

// hints say why tokens of sources and of targets may be unknown.
func (x *translations) hints(source, target *datasets.Vocab) (notes []string, err error) {
	if x.counts.Unknown == [2]int{} {
		return nil, nil
	}
	var sources, targets datasets.Coverage
	for _, i := range x.which[:min(len(x.which), hintPairs)] {
		pair, err := x.pairs.Pair(int(i))
		if err != nil {
			return nil, err
		}
		sources.Encode(source, pair.Source)
		targets.Encode(target, pair.Target)
	}
	for side, hint := range map[string]string{"sources": sources.Hint(), "targets": targets.Hint()} {
		if hint != "" {
			notes = append(notes, "unknown tokens of "+side+": "+hint)
		}
	}
	slices.Sort(notes)
	return notes, nil
}

// sample are at most n of the pairs, evenly spread.
func (p pairsPart) sample(n int) pairsPart {
	return pairsPart{p.pairs, evenly(p.which, n)}
}
