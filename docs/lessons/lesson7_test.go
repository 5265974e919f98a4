package lessons_test

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// Three words and three tags: the scores of each word's tags, and of moving from the tag of the row to that of
// the column.
var (
	tagScores   = []float32{0.5, -1, 0.25, 1.5, 0, -0.5, -0.25, 0.75, 1}
	tagMoves    = []float32{0.1, -0.4, 0.3, -0.2, 0.6, 0, 0.5, -0.3, -0.7}
	tagAtStart  = []float32{0.2, -0.1, 0}
	tagAtTheEnd = []float32{-0.3, 0.4, 0.1}
)

// threeTags are these numbers as nodes.
type threeTags struct {
	b                     *op.Builder
	e, trans, start, ends *G.Node
}

func newThreeTags() threeTags {
	b := op.New(G.NewGraph())
	return threeTags{
		b, array(b, "e", tagScores, 3, 1, 3), array(b, "trans", tagMoves, 3, 3), array(b, "start", tagAtStart, 3),
		array(b, "end", tagAtTheEnd, 3),
	}
}

// logZ is ln Z by the forward algorithm.
func (m threeTags) logZ() *G.Node {
	b, e, trans, start, end := m.b, m.e, m.trans, m.start, m.ends
	//lesson:forward
	first := b.Add(b.Reshape(b.Slice(e, 0, 0, 1), 1, 3), start) // B×K: α_1 = start + e_1
	run := b.Scan(op.Scan{Seqs: []*G.Node{b.Slice(e, 0, 1, 3)}, States: []*G.Node{first}},
		func(b *op.Builder, in op.In) op.Out {
			e, alpha := in.Seqs[0], in.States[0]
			ways := b.Add(b.Expand(alpha, -1), trans) // B×K×K: α_{t-1}[i] + trans[i, j]
			alpha = b.Add(e, b.LogSumExp(ways, 1))    // α_t[j] = e_t[j] + ln Σ_i exp(...)
			return op.Out{States: []*G.Node{alpha}}
		})
	logZ := b.LogSumExp(b.Add(run.Final[0], end), -1) // ln Σ_j exp(α_T[j] + end[j])
	//lesson:end
	return logZ
}

// pathScore is the score of a sequence of tags.
func pathScore(y ...int) float64 {
	s := tagAtStart[y[0]] + tagAtTheEnd[y[len(y)-1]]
	for t, tag := range y {
		s += tagScores[3*t+tag]
		if t > 0 {
			s += tagMoves[3*y[t-1]+tag]
		}
	}
	return float64(s)
}

// The sum over all sequences, one by one and by the forward algorithm.
func Example_forward() {
	sum := 0.0
	for i := range 27 {
		sum += math.Exp(pathScore(i/9, i/3%3, i%3))
	}
	m := newThreeTags()
	fmt.Printf("27 sequences, one by one: ln Z = %.4f\n", math.Log(sum))
	fmt.Printf("the Scan, in three steps: ln Z = %.4f\n", compute(m.b, m.logZ())[0][0])
	// Output:
	// 27 sequences, one by one: ln Z = 5.1840
	// the Scan, in three steps: ln Z = 5.1840
}

// The derivative of ln Z by the scores is how likely each tag is.
func (m threeTags) probabilities() []float32 {
	//lesson:probabilities
	grads, err := G.Grad(m.b.Sum(m.logZ()), m.e)
	//lesson:end
	check(err)
	return compute(m.b, grads[0])[0]
}

func Example_probabilities() {
	p := newThreeTags().probabilities()
	for t := range 3 {
		fmt.Printf("word %d: %.3f\n", t+1, p[3*t:3*t+3])
	}
	// Output:
	// word 1: [0.495 0.083 0.422]
	// word 2: [0.790 0.150 0.060]
	// word 3: [0.094 0.369 0.538]
}

// The likeliest sequence, and what each word would have by itself.
func Example_viterbi() {
	m := newThreeTags()
	crf := models.CRF{Transitions: m.trans, Start: m.start, End: m.ends}
	mask := m.b.Fill(m.e, 1, 3, 1)
	//lesson:viterbi
	tags, score := crf.Viterbi(m.b, m.e, mask)
	//lesson:end
	v := compute(m.b, m.b.Cast(tags, m.e), score, crf.LogZ(m.b, m.e, mask))
	fmt.Printf("the likeliest tags:   %.0f, score %.2f, p = exp(%.2f - %.4f) = %.3f\n", v[0], v[1][0], v[1][0], v[2][0],
		math.Exp(float64(v[1][0]-v[2][0])))
	fmt.Printf("each word by itself:  [0 0 1], score %.2f\n", pathScore(0, 0, 1))
	fmt.Printf("the last word: tag 1 has %.2f, tag 2 has %.2f; from tag 0 to 1 %.2f, to 2 %.2f\n",
		tagScores[7]+tagAtTheEnd[1], tagScores[8]+tagAtTheEnd[2], tagMoves[1], tagMoves[2])
	// Output:
	// the likeliest tags:   [0 0 2], score 3.70, p = exp(3.70 - 5.1840) = 0.227
	// each word by itself:  [0 0 1], score 3.05
	// the last word: tag 1 has 1.15, tag 2 has 1.10; from tag 0 to 1 -0.40, to 2 0.30
}

// A tagger of the lesson: what it is told, and how large it is.
func Example_tagger() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	//lesson:tagger
	m, err := models.NewTagger(p, models.TaggerConfig{
		Words: 2000, Embed: 32, Chars: 60, CharEmbed: 16, CharHidden: 24,
		Cell: models.CellConfig{Kind: "gru"}, Hidden: 48, Layers: 1, Bidirectional: true, Tags: 5, CRF: true,
	})
	//lesson:end
	check(err)
	words := integers(b, "words", make([]int32, 7*2), 7, 2)   // T×B
	chars := integers(b, "chars", make([]int32, 12*9), 12, 9) // L×U: 9 different words
	ones, letters := b.Fill(m.Params.Nodes()[0], 1, 7, 2), b.Fill(m.Params.Nodes()[0], 1, 12, 9)
	//lesson:scores
	scores, _ := m.Scores(b, models.TaggerInput{Words: words, Which: words, Chars: chars, CharMask: letters, Mask: ones})
	loss := m.NLL(b, scores, words, ones) // -ln p of the tags of each sentence
	//lesson:end
	check(b.Err())
	fmt.Println("scores", shape(scores))
	fmt.Println("loss  ", shape(loss))
	// Output:
	// scores (7, 2, 5)
	// loss   (2)
}

// Three words as a lattice: how likely each tag is, and the likeliest way.
func TestPictureLattice(t *testing.T) {
	p := newThreeTags().probabilities()
	s := newSVG(720, 330, "Three words with three tags each: every way from left to right is a sequence of tags; the "+
		"likeliest takes tags 0, 0 and 2")
	x := func(t int) float64 { return 150 + 210*float64(t) }
	y := func(tag int) float64 { return 75 + 80*float64(tag) }
	best := []int{0, 0, 2}
	for t := range 2 {
		for from := range 3 {
			for to := range 3 {
				if best[t] == from && best[t+1] == to {
					continue
				}
				s.line(faint, 1.2, x(t)+42, y(from), x(t+1)-42, y(to))
			}
		}
	}
	for t := range 2 {
		s.arrowWide(hidden, 3.5, x(t)+42, y(best[t]), x(t+1)-44, y(best[t+1]))
	}
	for t := range 3 {
		for tag := range 3 {
			colour := grey
			if best[t] == tag {
				colour = hidden
			}
			s.box(x(t), y(tag), 82, 44, colour, "")
			s.text(place{x: x(t), y: y(tag) + 5, colour: colour, size: 16}, fmt.Sprintf("%.3f", p[3*t+tag]))
		}
		s.math(place{x: x(t), y: 30, colour: inputs}, fmt.Sprintf("w_%d", t+1))
	}
	for tag := range 3 {
		s.text(place{x: 62, y: y(tag) + 5, colour: grey}, fmt.Sprintf("tag %d", tag))
	}
	s.text(place{x: 360, y: 305, size: 13, colour: grey},
		"numbers: how likely a tag is over all 27 ways; thick: the likeliest way")
	picture(t, "lattice", s.end())
}
