package run

import (
	"context"
	"iter"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
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
		x.pairs, err = datasets.ReadPairs(s.Paths[0], datasets.Format{SkipBad: s.SkipBad})
	case KindParallel:
		x.pairs, err = datasets.ReadParallel(s.Paths[0], s.Paths[1], s.SkipBad)
	default:
		x.pairs, x.test, err = tasks.Pairs(s.Paths[0], tasks.Config{Seed: seed, Train: taskPairs, Valid: taskHeld})
	}
	if err != nil {
		return nil, NewInputError(name, err)
	}
	x.name, x.sha256 = x.pairs.Name, x.pairs.SHA256
	return x, nil
}

// divide gives the pairs to train on and those to measure on: a part, or those that a task has for measuring. Pairs of one source
// stay together.
func (x *rawPairs) divide(c *Config) (train, held pairsPart, err error) {
	if x.test != nil {
		return x.all(), allPairs(x.test), nil
	}
	train, held = pairsPart{pairs: x.pairs}, pairsPart{pairs: x.pairs}
	d := datasets.Division{Name: x.name, Len: x.pairs.Len(), Part: c.Data.heldOut(), Seed: c.Training.Seed, Key: x.pairs.Sources}
	train.which, held.which, err = d.Split()
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
func (p pairsPart) vocab(c *Config, side func(datasets.Pair) string) (*datasets.Vocab, error) {
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
func (p pairsPart) ready(c *Config, encoded *batches.Seq2Seq, target *datasets.Vocab, longest int) (*translations, error) {
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

// validate measures how well the model predicts the targets' tokens, one after the other.
func (x *translations) validate(ctx context.Context, m *trainer.Seq2Seq) (Metrics, error) {
	var total trainer.Sums
	for _, g := range x.plan.InOrder() {
		if err := ctx.Err(); err != nil {
			return Metrics{}, err
		}
		b, err := x.fill(g)
		if err != nil {
			return Metrics{}, err
		}
		s, err := m.Eval(b.Translations)
		if err != nil {
			return Metrics{}, err
		}
		total.Add(s)
	}
	measured := tokenMetrics(total)
	measured.Examples = x.plan.Examples()
	return measured, nil
}

// sample are at most n of the pairs, evenly spread.
func (x *translations) sample(c *Config, n int) (*translations, error) {
	n = min(n, len(x.which))
	some := pairsPart{pairs: x.pairs}
	for i := range n {
		some.which = append(some.which, x.which[i*len(x.which)/n])
	}
	return some.ready(smaller(c, n), x.encoded, x.target, 0)
}

// smaller is a config for batches of at most n.
func smaller(c *Config, n int) *Config {
	s := *c
	s.Training.Batch = min(n, c.Training.Batch)
	return &s
}

// greedy writes translations, taking the likeliest token at every step. It gives what was written beside the pairs.
func (x *translations) greedy(m *trainer.Seq2Seq, most limit) (written []string, pairs []datasets.Pair, err error) {
	return x.write(func(b *seq2seqBatch) ([][]int32, error) {
		tokens, err := m.Greedy(b.Source, b.Batch, most.of(b.SourceSteps))
		if err != nil {
			return nil, err
		}
		rows := make([][]int32, b.Batch)
		for i := range rows {
			for t := range most.of(b.lengths[i]) {
				rows[i] = append(rows[i], tokens[t*b.Batch+i])
			}
		}
		return rows, nil
	})
}

// limit is the most tokens of a translation; 0: what is usual for the length of the source.
type limit int

// of is the limit for a source of so many tokens, ends included.
func (l limit) of(tokens int) int {
	if l > 0 {
		return int(l)
	}
	return 2*tokens + 20
}

// limited is a search for translations of sources of so many tokens each.
func limited(b decode.Beam, tokens []int) decode.Beam {
	most := limit(b.MaxLength)
	b.Limits = make([]int, len(tokens))
	for i, n := range tokens {
		b.Limits[i] = most.of(n)
	}
	return b
}

// maxRows is how many hypotheses are extended at once: more are not faster.
const maxRows = 320

// search writes translations, each the best that a beam search finds.
func (x *translations) search(m *trainer.Seq2Seq, c *Config, beam decode.Beam) (written []string, pairs []datasets.Pair, err error) {
	few, err := x.ready(smaller(c, max(1, maxRows/beam.Width)), x.encoded, x.target, 0)
	if err != nil {
		return nil, nil, err
	}
	return few.write(func(b *seq2seqBatch) ([][]int32, error) {
		found, err := m.Search(b.Source, b.Batch, limited(beam, b.lengths))
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
func (m *Metrics) compare(written []string, pairs []datasets.Pair) error {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.Target
	}
	references := metrics.One(texts)
	bleu, err := metrics.BLEU{}.Corpus(written, references)
	if err != nil {
		return err
	}
	chrf, _, err := metrics.ChrF{}.Corpus(written, references)
	if err != nil {
		return err
	}
	m.ExactMatch, m.CharErrorRate = some(metrics.ExactMatch(written, references)), some(metrics.CharErrorRate(written, references))
	m.BLEU, m.ChrF = some(bleu.BLEU), some(chrf)
	return nil
}
