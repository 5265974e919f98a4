package lower

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sample is a node whose children and attributes are known.
type sample struct {
	node     *G.Node
	children G.Nodes // nil: not looked at
	attrs    attrs
	prints   string // what the op prints, where it is recognised by that
}

// attrs are attributes by the names of their fields; isSlice stands for the range from:to that sliceRange reads.
type attrs map[string]any

const isSlice = "IsSlice"

func (s sample) check() error {
	op := s.node.Op()
	name := stockName(op)
	if got := Children(s.node); s.children != nil && !slices.Equal(got, s.children) {
		return errors.Errorf("%s: children are %v, expected %v", name, got, s.children)
	}
	if s.prints != "" && op.String() != s.prints {
		return errors.Errorf("%s prints %q, expected %q", name, op, s.prints)
	}
	for _, field := range slices.Sorted(maps.Keys(s.attrs)) {
		var got any
		if field == isSlice {
			from, to, simple := sliceRange(op, 1<<20)
			got = fmt.Sprint(from, to, simple)
		} else {
			got = attribute(structOf(op), field)
		}
		if want := s.attrs[field]; fmt.Sprint(got) != fmt.Sprint(want) {
			return errors.Errorf("%s: field %s reads %v, expected %v", name, field, got, want)
		}
	}
	return nil
}

// sampler builds samples in a graph of its own.
type sampler struct {
	g       *G.ExprGraph
	samples []sample
}

func (b *sampler) input(name string, shape ...int) *G.Node {
	return G.NewTensor(b.g, G.Float64, len(shape), G.WithShape(shape...), G.WithName(name))
}

func (b *sampler) add(a attrs, children ...*G.Node) func(*G.Node, error) *G.Node {
	return func(n *G.Node, err error) *G.Node {
		if err != nil {
			panic(err)
		}
		b.samples = append(b.samples, sample{node: n, children: children, attrs: a})
		return n
	}
}

// derivative adds the ops that stand on top of the derivative of n.
func (b *sampler) derivative(n *G.Node, a attrs, children ...*G.Node) {
	grad := b.input("grad of "+n.Name(), n.Shape()...)
	for i, c := range children {
		if c == nil {
			children[i] = grad
		}
	}
	ds, err := n.Op().(G.SDOp).SymDiff(Children(n), n, grad)
	if err != nil {
		panic(err)
	}
	b.add(a, children...)(ds[0], nil)
}

// samples builds an op of every type in stockOps.
func samples() []sample {
	b := &sampler{g: G.NewGraph()}
	x, y, w := b.input("x", 5, 6), b.input("y", 5, 6), b.input("w", 6, 4)
	s, p := b.input("s", 2, 3, 4), b.input("p", 2, 3, 5)
	u, v := b.input("u", 6), b.input("v", 6)
	i := G.NewVector(b.g, G.Int, G.WithShape(3), G.WithName("i"))

	arith := []func(a, b *G.Node) (*G.Node, error){G.Add, G.Sub, G.HadamardProd, G.HadamardDiv, G.Pow}
	for code, f := range arith {
		b.add(attrs{binaryField: code, "retSame": false}, x, y)(f(x, y))
	}
	for k, f := range []func(a, b *G.Node, retSame bool) (*G.Node, error){G.Lt, G.Gt, G.Lte, G.Gte, G.Eq, G.Ne} {
		b.add(attrs{binaryField: len(arith) + k, "retSame": true}, x, y)(f(x, y, true))
	}
	b.add(attrs{"retSame": false}, x, y)(G.Lt(x, y, false))
	for name, f := range map[string]func(*G.Node) (*G.Node, error){
		"abs": G.Abs, "sign": G.Sign, "ceil": G.Ceil, "floor": G.Floor, "sin": G.Sin, "cos": G.Cos, "exp": G.Exp, "ln": G.Log,
		"log2": G.Log2, "neg": G.Neg, "square": G.Square, "sqrt": G.Sqrt, "inv": G.Inverse, "invSqrt": G.InverseSqrt,
		"cube": G.Cube, "tanh": G.Tanh, "sigmoid": G.Sigmoid, "log1p": G.Log1p, "expm1": G.Expm1, "softplus": G.Softplus,
	} {
		b.add(nil, x)(f(x))
		b.samples[len(b.samples)-1].prints = name
	}
	b.add(nil, x, y)(G.MinBetween(x, y))
	b.add(nil, x, y)(G.MaxBetween(x, y))
	b.add(nil, x)(G.ConvType(x, G.Float64, G.Int))
	b.add(nil, x)(G.ApplyOp(G.Iop{}, x))

	const op = "āBinaryOperator"
	product := b.add(attrs{op: matMul, "transA": false, "transB": false}, x, w)(G.Mul(x, w))
	b.derivative(product, attrs{op: matMul, "transA": false, "transB": true}, nil, w)
	b.add(attrs{op: matVecMul, "transA": false, "transB": false}, x, u)(G.Mul(x, u))
	b.add(attrs{op: matVecMul, "transA": true, "transB": false}, w, u)(G.Mul(u, w))
	b.add(attrs{op: vecDot}, u, v)(G.Mul(u, v))
	b.add(attrs{op: outerProd}, u, v)(G.OuterProd(u, v))
	b.add(attrs{op: batchedMatMul, "transA": true, "transB": false}, s, p)(G.BatchedMatMul(s, p, true, false))
	b.add(attrs{"aAxes": []int{1, 0}, "bAxes": []int{1, 0}}, s, p)(G.Tensordot([]int{1, 0}, []int{1, 0}, s, p))

	sum := b.add(attrs{"along": []int{0, 2}}, s)(G.Sum(s, 0, 2))
	b.derivative(sum, attrs{"along": 2})
	b.add(attrs{"along": []int{1}}, s)(G.Max(s, 1))
	soft := b.add(attrs{"axis": 0, "isLog": false}, x)(G.SoftMax(x, 0))
	b.derivative(soft, attrs{"axis": 0, "isLog": false}, x, soft, nil)
	soft = b.add(attrs{"axis": -1, "isLog": true}, y)(G.LogSoftMax(y))
	b.derivative(soft, attrs{"axis": -1, "isLog": true}, y, soft, nil)
	sparse := b.input("sparse", 5, 6)
	soft = b.add(attrs{"axis": 1}, sparse)(G.Sparsemax(sparse, 1))
	b.derivative(soft, nil, soft, nil)
	rows := b.add(attrs{"axis": 0}, x, i)(G.ByIndices(x, i, 0))
	b.derivative(rows, attrs{"axis": 0}, x, nil, i)

	b.derivative(b.add(nil, x)(G.Dropout(x, 0.5)), nil)
	image := b.input("image", 2, 3, 8, 9)
	window := attrs{"h": 2, "w": 3, "padNorth": 4, "padWest": 5, "strideH": 6, "strideW": 7, "explicitPadding": false}
	b.derivative(b.add(window, image)(G.AveragePool2D(image, tensor.Shape{2, 3}, []int{4, 5}, []int{6, 7})), window)

	b.add(attrs{"axis": 1}, x)(G.SizeOf(1, x))
	b.add(nil, x)(G.Reshape(x, tensor.Shape{6, 5}))
	b.add(attrs{"pattern": []int{2, 0, 1}}, s)(G.Transpose(s, 2, 0, 1))
	slice := b.add(attrs{"along": 0, isSlice: "1 4 true"}, x)(G.Slice(x, G.S(1, 4)))
	b.derivative(slice, attrs{"along": 0, isSlice: "1 4 true"}, x, nil)
	b.add(attrs{"along": 1, isSlice: "0 6 false"})(G.Slice(x, nil, G.S(0, 6, 2)))
	b.add(attrs{"coordinates": []int{3, 4}}, x)(G.At(x, 3, 4))
	b.add(attrs{"axis": 1}, x, y)(G.Concat(1, x, y))

	b.add(nil)(G.NewConstant(2.0), nil)
	b.add(nil)(G.NewConstant(tensor.New(tensor.WithBacking([]float64{1, 2}))), nil)
	return b.samples
}
