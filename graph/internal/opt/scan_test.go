package opt_test

import (
	"fmt"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/internal/opt"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
)

// The size of a sequence-to-sequence model: batch, target and source length, hidden units, embedding, vocabulary.
const batch, steps, positions, hidden, embed, vocab = 128, 24, 20, 512, 256, 6000

// net declares the inputs and parameters of a test's model.
type net struct {
	*op.Builder
	params G.Nodes
}

func (n *net) param(name string, shape ...int) *G.Node {
	p := n.input(tensor.Float32, name, shape...)
	n.params = append(n.params, p)
	return p
}

func (n *net) input(dtype tensor.Dtype, name string, shape ...int) *G.Node {
	return G.NewTensor(n.Graph(), dtype, len(shape), G.WithShape(shape...), G.WithName(name))
}

// training lowers the loss and its gradients.
func training(t testing.TB, loss func(n *net) *G.Node) *ir.Func {
	t.Helper()
	n := &net{Builder: op.New(G.NewGraph())}
	results := G.Nodes{loss(n)}
	if n.Err() != nil {
		t.Fatal(n.Err())
	}
	grads, err := G.Grad(results[0], n.params...)
	if err != nil {
		t.Fatal(err)
	}
	results = append(results, grads...)
	f, err := lower.Func(tape.Float32, lower.Leaves(results), results)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// gru is the step of a gated recurrent unit from x·W_x, without its bias.
func (n *net) gru(b *op.Builder, xw, h, u, bias, bu *G.Node) *G.Node {
	x, r := b.Split(b.Add(xw, bias), 1, 3), b.Split(b.Add(b.Product(h, u), bu), 1, 3)
	reset, update := b.Sigmoid(b.Add(x[0], r[0])), b.Sigmoid(b.Add(x[1], r[1]))
	candidate := b.Tanh(b.Add(x[2], b.Mul(reset, r[2])))
	return b.Add(candidate, b.Mul(update, b.Sub(h, candidate)))
}

// bidirectional is a masked GRU in both directions, with dropout.
func bidirectional(n *net) *G.Node {
	xs, mask := n.param("xs", steps, batch, embed), n.input(tensor.Float32, "mask", steps, batch)
	keys := n.Keys(n.input(tensor.Int32, "key", 4), steps)
	var outs []*G.Node
	for _, way := range []string{"forward", "backward"} {
		w, u := n.param("w "+way, embed, 3*hidden), n.param("u "+way, hidden, 3*hidden)
		bias, bu := n.param("b "+way, 3*hidden), n.param("bu "+way, 3*hidden)
		h0 := n.param("h0 "+way, batch, hidden)
		scan := op.Scan{Name: way, Seqs: []*G.Node{xs, keys}, States: []*G.Node{h0}, Mask: mask, Reverse: way == "backward"}
		outs = append(outs, n.Scan(scan, func(b *op.Builder, in op.In) op.Out {
			x := b.Dropout(in.Seqs[0], 0.2, in.Seqs[1])
			return op.Out{States: []*G.Node{n.gru(b, b.Product(x, w), in.States[0], u, bias, bu)}}
		}).States[0])
	}
	return n.Mean(n.Square(n.Concat(-1, outs...)))
}

// attention is a decoder that scores v·tanh([h; m_s]·W) over a memory m, from the embeddings of tokens.
func attention(n *net) *G.Node {
	memory := n.param("memory", batch, positions, hidden)
	wa, va := n.param("wa", 2*hidden, hidden), n.param("va", hidden)
	w, u := n.param("w", embed+hidden, 3*hidden), n.param("u", hidden, 3*hidden)
	bias, bu := n.param("b", 3*hidden), n.param("bu", 3*hidden)
	table, out := n.param("embedding", vocab, embed), n.param("out", 2*hidden, vocab)
	tokens, targets := n.input(tensor.Int32, "tokens", steps, batch), n.input(tensor.Int32, "targets", steps, batch)
	scan := op.Scan{Name: "decoder", Seqs: []*G.Node{tokens}, States: []*G.Node{n.param("h0", batch, hidden)}}
	logits := n.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		h := in.States[0]
		both := b.Concat(2, b.Broadcast(b.Expand(h, 1), batch, positions, hidden), memory)
		scores := b.Sum(b.Mul(b.Tanh(b.Product(both, wa)), va), -1)
		context := b.Squeeze(b.Product(b.Expand(b.Softmax(scores), 1), memory), 1)
		x := b.Concat(1, b.Gather(table, in.Seqs[0]), context)
		h = n.gru(b, b.Product(x, w), h, u, bias, bu)
		return op.Out{States: []*G.Node{h}, Outs: []*G.Node{b.Product(b.Concat(1, h, context), out), b.Tanh(h)}}
	}).Outs[0] // the second output is for nobody, and so is its gradient
	return n.Mean(n.CrossEntropy(logits, targets, nil, 0))
}

// multiplications counts the multiplications of matrix products.
func multiplications(f *ir.Func) int {
	n := 0
	for _, v := range f.Values() {
		switch o := v.Op.(type) {
		case ir.Product:
			x := v.Args[0].Shape
			k := x[len(x)-1]
			if o.TransA {
				k = x[len(x)-2]
			}
			n += v.Shape.Size() * k
		case *ir.Loop:
			n += o.Trip * multiplications(o.Body)
		}
	}
	return n
}

// TestScans checks what remains of real scans and their derivatives: what stands in which loop, and how much
// there is to multiply.
func TestScans(t *testing.T) {
	gru := steps * batch * (embed + hidden) * 3 * hidden
	for _, c := range []struct {
		name            string
		loss            func(n *net) *G.Node
		census          []string
		multiplications int
	}{
		{"bidirectional", bidirectional, []string{
			"8 product, 2 loop, 5 reduce, 2 random, 7 fused", // x·W, dx, dW, dU; the loss, biases; dropout, dx, dh0 and the loss
			"2 product, 2 fused",                             // h·U and the cell
			"2 product, 2 fused",                             // dz·Uᵀ and dz
		}, 3 * 2 * gru},
		{"attention", attention, []string{
			"14 product, 2 loop, 3 reduce, 2 rows, 1 gather, 1 scatteradd, 3 fused",
			// h·[W_a U], the scores, the context, the context's part of x·W; tanh, the cell
			"4 product, 1 rows, 2 fused",
			"5 product, 1 reduce, 1 rows, 4 fused", // to h from the cell and from the scores, to the context, to the weights, to v
		}, 3*(gru+ // x·W and h·U
			steps*batch*hidden*3*hidden+ // the context's part of x·W
			steps*batch*hidden*hidden+ // the query
			batch*positions*hidden*hidden+ // the memory's part of the scores: once, not in each step
			steps*batch*positions*hidden+ // the context
			steps*batch*2*hidden*vocab) + // logits
			2*steps*batch*positions*hidden}, // scores and the derivative of v; that of tanh is elementwise
	} {
		t.Run(c.name, func(t *testing.T) {
			f := training(t, c.loss)
			g, err := opt.Run(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprintf("%q", opt.Census(g)), fmt.Sprintf("%q", c.census); got != want {
				t.Errorf("got  %s\nwant %s\n%v", got, want, g)
			}
			if got := multiplications(g); got != c.multiplications {
				t.Errorf("%d multiplications, want %d; %d before", got, c.multiplications, multiplications(f))
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	for name, loss := range map[string]func(n *net) *G.Node{"bidirectional": bidirectional, "attention": attention} {
		f := training(b, loss)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := opt.Run(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
