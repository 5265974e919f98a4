package main

import (
	"iter"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/trainer"
	scores "github.com/unroll-ml/unroll/trainer/metrics"
)

// The kinds of data of a sequence-to-sequence model: the flags that name them.
const (
	kindPairs    = "pairs"
	kindParallel = "src"
	kindTask     = "task"
)

// How many pairs of a task there are.
const (
	taskPairs = 10_000
	taskHeld  = 500
)

// pairsFlags name pairs of texts.
type pairsFlags struct {
	Pairs string `placeholder:"FILE" help:"${use} these pairs: a source, a tab and its target a line, plain or .gz."`
	Src   string `placeholder:"FILE" help:"${use} the lines of this file as sources, with --tgt."`
	Tgt   string `placeholder:"FILE" help:"The targets, line for line."`
}

// sources are what the flags may name, without a path where they do not.
func (f *pairsFlags) sources() []sourceConfig {
	return []sourceConfig{{Kind: kindPairs, Paths: []string{f.Pairs}}, {Kind: kindParallel, Paths: []string{f.Src, f.Tgt}}}
}

func (f *pairsFlags) incomplete() bool { return (f.Src == "") != (f.Tgt == "") }

// rawPairs are pairs before they are encoded.
type rawPairs struct {
	name, sha256 string
	pairs        *datasets.Pairs
	test         *datasets.Pairs // those that a task has for measuring; else nil
}

// readPairs reads what a flag, or a file that is called so, names. The seed is that of the run.
func readPairs(what string, s *sourceConfig, seed uint64) (*rawPairs, error) {
	x := &rawPairs{}
	var err error
	switch s.Kind {
	case kindPairs:
		x.pairs, err = datasets.ReadPairs(s.Paths[0], datasets.Format{SkipBad: s.SkipBad})
	case kindParallel:
		x.pairs, err = datasets.ReadParallel(s.Paths[0], s.Paths[1], s.SkipBad)
	default:
		x.pairs, x.test, err = tasks.Pairs(s.Paths[0], tasks.Config{Seed: seed, Train: taskPairs, Valid: taskHeld})
	}
	if err != nil {
		return nil, inputError(what, err)
	}
	x.name, x.sha256 = x.pairs.Name, x.pairs.SHA256
	return x, nil
}

// divide gives the pairs to train on and those to measure on: a part, or those that a task has for measuring. Pairs of one source
// stay together.
func (x *rawPairs) divide(c *config) (train, held pairsPart, err error) {
	if x.test != nil {
		return x.all(), allPairs(x.test), nil
	}
	train, held = pairsPart{pairs: x.pairs}, pairsPart{pairs: x.pairs}
	train.which, held.which, err = datasets.Division{Name: x.name, Len: x.pairs.Len(), Part: c.Data.heldOut(), Seed: c.Training.Seed, Key: x.pairs.Sources}.Split()
	return train, held, err
}

func (x *rawPairs) origin() (name, sha256 string) { return x.name, x.sha256 }

// all is the whole.
func (x *rawPairs) all() pairsPart { return allPairs(x.pairs) }

// pairsPart are some of the pairs.
type pairsPart struct {
	pairs *datasets.Pairs
	which []int32
}

func allPairs(p *datasets.Pairs) pairsPart { return pairsPart{p, numbers(p.Len())} }

// vocab builds the vocabulary of one side.
func (p pairsPart) vocab(c *config, side func(datasets.Pair) string) (*datasets.Vocab, error) {
	var failed error
	texts := iter.Seq[string](func(yield func(string) bool) {
		for _, i := range p.which {
			pair, err := p.pairs.Pair(int(i))
			if err != nil {
				failed = err
				return
			}
			if !yield(side(pair)) {
				return
			}
		}
	})
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Kind(c.Model.Tokens), Least: c.Model.MinFreq, Size: c.Model.MaxVocab}, texts)
	if failed != nil {
		return nil, failed
	}
	return v, err
}

// translations are pairs in batches.
type translations struct {
	pairsPart
	name    string
	plan    *batches.Plan
	encoded *batches.Seq2Seq
	target  *datasets.Vocab
	longest int // steps of a source and a target together
}

// ready makes batches of a part as a config wants them. encoded are all its pairs, as tokens. Pairs with a side of more than longest
// tokens are left out; 0: none.
func (p pairsPart) ready(c *config, encoded *batches.Seq2Seq, target *datasets.Vocab, longest int) (*translations, error) {
	x := &translations{pairsPart: p, name: p.pairs.Name, encoded: encoded, target: target}
	if longest > 0 {
		longest++ // the end token
	}
	limits := batches.Config{Batch: c.Training.Batch, Buckets: c.Training.Buckets, Longest: batches.Shape{Source: longest, Target: longest}}
	var failed error // to read a pair
	plan, err := batches.NewPlan(limits, p.which, func(i int32) (batches.Shape, error) {
		s, err := encoded.Length(i)
		failed = err
		return s, err
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, &datasets.Error{File: x.name, What: err.Error()}
	}
	x.plan = plan
	for _, s := range plan.Shapes() {
		x.longest = max(x.longest, s.Source+s.Target)
	}
	return x, nil
}

// fill makes a batch, and counts its tokens without padding.
func (x *translations) fill(g batches.Group) (*seq2seqBatch, error) {
	p, err := x.encoded.Fill(g)
	if err != nil {
		return nil, err
	}
	b := &seq2seqBatch{Translations: trainer.Translations{
		SourceSteps: g.Source, TargetSteps: g.Target, Batch: len(g.Examples), Source: p.Sources, Target: p.Targets,
	}}
	b.lengths = make([]int, len(g.Examples))
	for i, m := range p.SourceMask {
		b.lengths[i%len(g.Examples)] += int(m)
		b.tokens += int(m)
	}
	for _, m := range p.TargetMask {
		b.tokens += int(m)
	}
	return b, nil
}

// seq2seqBatch is a batch for trainer.Seq2Seq.
type seq2seqBatch struct {
	trainer.Translations
	tokens  int   // of sources and targets
	lengths []int // of the sources, ends included
}

// measure measures how well the model predicts the targets' tokens, one after the other.
func (x *translations) measure(m *trainer.Seq2Seq, stop func() bool) (metrics, error) {
	var total trainer.Sums
	for _, g := range x.plan.InOrder() {
		if stop() {
			return metrics{}, errStopped
		}
		b, err := x.fill(g)
		if err != nil {
			return metrics{}, err
		}
		s, err := m.Eval(b.Translations)
		if err != nil {
			return metrics{}, err
		}
		total.Add(s)
	}
	measured := tokenMetrics(total)
	measured.Examples = x.plan.Examples()
	return measured, nil
}

// sample are at most n of the pairs, evenly spread.
func (x *translations) sample(c *config, n int) (*translations, error) {
	n = min(n, len(x.which))
	some := pairsPart{pairs: x.pairs}
	for i := range n {
		some.which = append(some.which, x.which[i*len(x.which)/n])
	}
	return some.ready(smaller(c, n), x.encoded, x.target, 0)
}

// smaller is a config for batches of at most n.
func smaller(c *config, n int) *config {
	s := *c
	s.Training.Batch = min(n, c.Training.Batch)
	return &s
}

// translate writes translations, taking the likeliest token at every step. It gives what was written beside the pairs.
func (x *translations) translate(m *trainer.Seq2Seq, f *beamFlags) (written []string, pairs []datasets.Pair, err error) {
	return x.write(func(b *seq2seqBatch) ([][]int32, error) {
		tokens, err := m.Greedy(b.Source, b.Batch, f.longest(b.SourceSteps))
		if err != nil {
			return nil, err
		}
		rows := make([][]int32, b.Batch)
		for i := range rows {
			for t := range f.longest(b.lengths[i]) {
				rows[i] = append(rows[i], tokens[t*b.Batch+i])
			}
		}
		return rows, nil
	})
}

// maxRows is how many beginnings of translations are searched at once: more are not faster.
const maxRows = 320

// search writes translations, each the best that the flags find.
func (x *translations) search(m *trainer.Seq2Seq, c *config, f *beamFlags) (written []string, pairs []datasets.Pair, err error) {
	few, err := x.ready(smaller(c, max(1, maxRows/f.Beam)), x.encoded, x.target, 0)
	if err != nil {
		return nil, nil, err
	}
	return few.write(func(b *seq2seqBatch) ([][]int32, error) {
		found, err := m.Search(b.Source, b.Batch, f.search(b.lengths...))
		rows := make([][]int32, len(found))
		for i := range rows {
			rows[i] = found[i][0].Tokens
		}
		return rows, err
	})
}

// write writes translations of all pairs, of which f makes those of a batch. It gives them beside the pairs.
func (x *translations) write(f func(b *seq2seqBatch) ([][]int32, error)) (written []string, pairs []datasets.Pair, err error) {
	for _, g := range x.plan.InOrder() {
		b, err := x.fill(g)
		if err != nil {
			return nil, nil, err
		}
		tokens, err := f(b)
		if err != nil {
			return nil, nil, err
		}
		for i, e := range g.Examples {
			if e < 0 {
				continue
			}
			pair, err := x.pairs.Pair(int(e))
			if err != nil {
				return nil, nil, err
			}
			written, pairs = append(written, x.target.Decode(tokens[i])), append(pairs, pair)
		}
	}
	return written, pairs, nil
}

// compare adds what translations are worth.
func (m *metrics) compare(written []string, pairs []datasets.Pair) error {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.Target
	}
	references := scores.One(texts)
	bleu, err := scores.BLEU{}.Corpus(written, references)
	if err != nil {
		return err
	}
	chrf, _, err := scores.ChrF{}.Corpus(written, references)
	if err != nil {
		return err
	}
	m.ExactMatch, m.CharErrorRate = some(scores.ExactMatch(written, references)), some(scores.CharErrorRate(written, references))
	m.BLEU, m.ChrF = some(bleu.BLEU), some(chrf)
	return nil
}
