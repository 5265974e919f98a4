package op

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/internal/opt"
	"github.com/unroll-ml/unroll/graph/internal/plan"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// opCase is the test of one operation. The test of op.go holds it against every rule of this package: values in
// both float types on Gorgonia's machine and compiled, derivatives, types, errors.
type opCase struct {
	build func(b *Builder, in []*G.Node) *G.Node // the operation
	want  func(in []array) array                 // the same, as plain loops over indices in float64
	at    [][]input                              // the inputs to try
	bad   [][]input                              // inputs that do not fit

	constant  []int // inputs without a derivative, besides those of integers
	constants bool  // no input has a derivative
}

// cases holds the tests by name: that of the method, then whatever distinguishes several. Each
// <operation>_test.go adds its own.
var cases = map[string]opCase{}

func TestOperations(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, in := range c.at {
				t.Run(fmt.Sprint(in), func(t *testing.T) {
					values := draw(in)
					c.checkValues(t, tape.Float64, in, values, 1e-12)
					c.checkValues(t, tape.Float32, in, values, 4e-6)
					c.checkDerivatives(t, in, values)
				})
			}
			for _, in := range c.bad {
				t.Run(fmt.Sprint("misfit ", in), func(t *testing.T) { c.checkError(t, in) })
			}
		})
	}
}

// Values agree with the plain formula, on Gorgonia's machine and compiled, and have the types that were declared.
func (c opCase) checkValues(t *testing.T, float ir.Dtype, in []input, values []array, tol float64) {
	b, nodes := inputs(float, in)
	y := c.build(b, nodes)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	if float == tape.Float32 {
		values = rounded(values)
	}
	want := c.want(values)
	if !slices.Equal(y.Shape(), want.shape) {
		t.Fatalf("shape is %v, want %v", y.Shape(), want.shape)
	}
	near(t, fmt.Sprint(float, " on Gorgonia's machine"), onGorgonia(t, b.g, nodes, values, y)[0], want, tol)
	for _, w := range ways {
		near(t, fmt.Sprint(float, " ", w.name), w.compute(t, float, nodes, values, y)[0], want, tol)
	}
	checkTypes(t, float, b.g, nodes)
}

// Derivatives of Σ w ⊙ y agree with central differences of the plain formula.
func (c opCase) checkDerivatives(t *testing.T, in []input, values []array) {
	y := c.want(values)
	w := draw([]input{floats(-1, 1, y.shape...)})[0]
	cost := func() float64 {
		sum := 0.0
		for i, v := range c.want(values).data {
			sum += w.data[i] * v
		}
		return sum
	}
	grad := func(wrt func(i int) bool) (*Builder, G.Nodes, G.Nodes, G.Nodes, error) {
		b, nodes := inputs(tape.Float64, append(slices.Clone(in), floats(-1, 1, y.shape...)))
		n := len(in)
		out := c.build(b, nodes[:n])
		if out.Dtype() == G.Int32 {
			return nil, nil, nil, nil, fmt.Errorf("integers have no derivative")
		}
		var by G.Nodes
		for i := range in {
			if wrt(i) {
				by = append(by, nodes[i])
			}
		}
		total := b.Sum(b.Mul(nodes[n], out))
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		gs, err := G.Grad(total, by...)
		return b, nodes, by, gs, err
	}
	var with []int
	for i := range in {
		if !c.constants && !slices.Contains(c.constant, i) && !in[i].int {
			with = append(with, i)
			continue
		}
		if _, _, _, _, err := grad(func(j int) bool { return j == i }); err == nil {
			t.Errorf("input %d has a derivative although it is declared to have none", i)
		}
	}
	if len(with) == 0 {
		return
	}
	b, nodes, _, gs, err := grad(func(j int) bool { return slices.Contains(with, j) })
	if err != nil {
		t.Fatal(err)
	}
	all := append(slices.Clone(values), w)
	slow := onGorgonia(t, b.g, nodes, all, gs...)
	fast := make([][]array, len(ways))
	for m, w := range ways {
		fast[m] = w.compute(t, tape.Float64, nodes, all, gs...)
	}
	checkTypes(t, tape.Float64, b.g, nodes)
	for k, i := range with {
		x := values[i]
		want := zeros(x.shape...)
		for j, v := range x.data {
			const h = 1e-5
			x.data[j] = v + h
			hi := cost()
			x.data[j] = v - h
			lo := cost()
			x.data[j] = v
			want.data[j] = (hi - lo) / (2 * h)
		}
		near(t, fmt.Sprintf("derivative by input %d on Gorgonia's machine", i), slow[k], want, 1e-7)
		for m, w := range ways {
			near(t, fmt.Sprintf("derivative by input %d %s", i, w.name), fast[m][k], want, 1e-7)
		}
	}
}

// A misfit is one line that names every input's shape.
func (c opCase) checkError(t *testing.T, in []input) {
	b, nodes := inputs(tape.Float32, in)
	if y := c.build(b, nodes); y == nil {
		t.Error("the node after an error is nil")
	}
	if b.Err() == nil {
		t.Fatal("no error")
	}
	msg := b.Err().Error()
	for _, i := range in {
		if !strings.Contains(msg, fmt.Sprint(i.shape)) {
			t.Errorf("the error %q does not tell the shape %v", msg, i.shape)
		}
	}
	if strings.Contains(msg, "\n") {
		t.Errorf("the error has several lines: %q", msg)
	}
}

// Every node's declared type is the type of what it is lowered to.
func checkTypes(t *testing.T, float ir.Dtype, g *G.ExprGraph, nodes G.Nodes) {
	t.Helper()
	all := g.AllNodes()
	f, err := lower.Func(float, nodes, all)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Error(err)
	}
	for i, n := range all {
		declared, err := lower.TypeOf(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Results[i].Type; got.Dtype != declared.Dtype || !got.Shape.Equal(declared.Shape) {
			t.Errorf("%s is declared %v but lowered to %v", lower.Describe(n), declared, got)
		}
	}
}

// inputs makes nodes for the inputs of a case, in a graph of their own.
func inputs(float ir.Dtype, in []input) (*Builder, G.Nodes) {
	g := G.NewGraph()
	nodes := make(G.Nodes, len(in))
	for i, x := range in {
		d, name := dtypes[float], G.WithName(fmt.Sprintf("in%d", i))
		if x.int {
			d = G.Int32
		}
		if len(x.shape) == 0 {
			nodes[i] = G.NewScalar(g, d, name)
		} else {
			nodes[i] = G.NewTensor(g, d, len(x.shape), G.WithShape(x.shape...), name)
		}
	}
	return New(g), nodes
}

// onGorgonia computes the outputs with Gorgonia's own tape machine.
func onGorgonia(t *testing.T, g *G.ExprGraph, nodes G.Nodes, values []array, outputs ...*G.Node) []array {
	t.Helper()
	for i, n := range nodes {
		typ, err := lower.TypeOf(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := G.Let(n, lower.Wrap(values[i].as(typ.Dtype), typ.Shape)); err != nil {
			t.Fatal(err)
		}
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	var out []array
	for _, n := range outputs {
		data, err := lower.Flatten(n.Value())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, arrayOf(data, n.Value().Shape()))
	}
	return out
}

// A way is how to compile and where to run.
type way struct {
	name     string
	optimise bool
	device   tape.Device
}

var (
	plainly = way{"compiled", false, ref.New()}
	ways    = []way{plainly, {"optimised, on cpu", true, cpu.New(cpu.Threads(1))}}
)

// compute compiles the outputs and runs them.
func (w way) compute(t *testing.T, float ir.Dtype, nodes G.Nodes, values []array, outputs ...*G.Node) []array {
	t.Helper()
	f, err := lower.Func(float, nodes, outputs)
	if err != nil {
		t.Fatal(err)
	}
	if w.optimise {
		if f, err = opt.Run(f); err != nil {
			t.Fatal(err)
		}
	}
	var c plan.Config
	for _, n := range nodes {
		c.Params = append(c.Params, n.Name())
	}
	for range outputs {
		c.Results = append(c.Results, plan.Result{Name: "out", Updates: -1})
	}
	tp, err := plan.Tape(f, float, c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.device.Load(tp)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i := range nodes {
		if err := p.Write(tape.SlotID(i), values[i].as(f.Params[i].Dtype)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	var out []array
	for i, v := range f.Results {
		data := lower.Zeros(v.Type)
		if err := p.Read(tape.SlotID(len(nodes)+i), data); err != nil {
			t.Fatal(err)
		}
		out = append(out, arrayOf(data, v.Shape))
	}
	return out
}

// near compares up to tol, absolute for numbers within 1 and relative beyond.
func near(t *testing.T, what string, got, want array, tol float64) {
	t.Helper()
	if !slices.Equal(got.shape, want.shape) {
		t.Errorf("%s: shape is %v, want %v", what, got.shape, want.shape)
		return
	}
	for i, w := range want.data {
		g := got.data[i]
		if g == w || math.IsNaN(g) && math.IsNaN(w) || math.Abs(g-w) <= tol*max(1, math.Abs(w)) {
			continue
		}
		t.Errorf("%s: element %d is %g, want %g", what, i, g, w)
		return
	}
}

// An input is a tensor of random numbers.
type input struct {
	shape  []int
	lo, hi float64
	whole  bool // only integers
	int    bool // of integer type
}

func (i input) String() string {
	return strings.ReplaceAll(fmt.Sprint(i.shape), " ", "×")
}

// floats are numbers from [lo, hi).
func floats(lo, hi float64, shape ...int) input { return input{shape: shape, lo: lo, hi: hi} }

// whole are integers from lo to hi of floating-point type: for ties, and for masks.
func whole(lo, hi float64, shape ...int) input {
	return input{shape: shape, lo: lo, hi: hi, whole: true}
}

// ints are integers from lo to hi.
func ints(lo, hi float64, shape ...int) input {
	return input{shape: shape, lo: lo, hi: hi, whole: true, int: true}
}

func draw(in []input) []array {
	r := rand.New(rand.NewPCG(1, uint64(len(in))))
	var as []array
	for _, x := range in {
		a := zeros(x.shape...)
		for i := range a.data {
			if x.whole {
				a.data[i] = x.lo + float64(r.IntN(int(x.hi-x.lo)+1))
			} else {
				a.data[i] = x.lo + (x.hi-x.lo)*r.Float64()
			}
		}
		as = append(as, a)
	}
	return as
}

// shapes is the same inputs at several shapes.
func shapes(lo, hi float64, all ...[]int) (at [][]input) {
	for _, s := range all {
		at = append(at, []input{floats(lo, hi, s...)})
	}
	return at
}

// every is shapes of all ranks, with ones among them.
var every = [][]int{{}, {1}, {5}, {2, 3}, {1, 1}, {3, 1}, {1, 4}, {2, 1, 3}, {2, 1, 3, 2}}

// pairs is shapes that broadcast.
var pairs = [][2][]int{
	{{}, {}}, {{3}, {}}, {{}, {2, 1}}, {{4}, {4}}, {{1}, {3}}, {{3}, {1, 1}}, {{3, 1}, {3}}, {{3, 1}, {1, 4}}, {{2, 3}, {3}},
	{{1, 3}, {3}}, {{5, 2, 3}, {2, 1}}, {{2, 1, 3, 2}, {4, 1, 2}}, {{1, 1, 1, 1}, {1}},
}

// unary is the case of a scalar function of one number from [lo, hi).
func unary(method func(b *Builder, x *G.Node) *G.Node, f func(x float64) float64, lo, hi float64) opCase {
	return opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return method(b, in[0]) },
		want:  elements(func(x []float64) float64 { return f(x[0]) }),
		at:    shapes(lo, hi, every...),
	}
}

// binary is the case of a scalar function of two numbers from [lo, hi).
func binary(method func(b *Builder, x, y *G.Node) *G.Node, f func(x, y float64) float64, lo, hi float64) opCase {
	c := opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return method(b, in[0], in[1]) },
		want:  elements(func(x []float64) float64 { return f(x[0], x[1]) }),
		bad:   [][]input{{floats(lo, hi, 2, 3), floats(lo, hi, 2)}, {floats(lo, hi, 2, 1, 3), floats(lo, hi, 4)}},
	}
	for _, p := range pairs {
		c.at = append(c.at, []input{floats(lo, hi, p[0]...), floats(lo, hi, p[1]...)})
	}
	return c
}

// Every rule of the package and every method of Builder that gives a node has a case.
func TestEveryOperationHasACase(t *testing.T) {
	rules := map[string]bool{}
	for _, c := range cases {
		if len(c.at) == 0 {
			continue
		}
		b, nodes := inputs(tape.Float32, c.at[0])
		if n, ok := c.build(b, nodes).Op().(*node); ok {
			rules[reflect.TypeOf(n.rule).Name()] = true
		}
	}
	for _, r := range []string{"scan", "scanGrad", "part", "partGrad"} { // scan_test.go
		rules[r] = true
	}
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal("no source: ", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			recv := receiver(f)
			if f.Name.Name == "Lower" && !rules[recv] {
				t.Errorf("rule %s has no case", recv)
			}
			if recv == "Builder" && f.Name.IsExported() && givesNode(f) && !hasCase(f.Name.Name) {
				t.Errorf("method %s has no case", f.Name.Name)
			}
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	return t.(*ast.Ident).Name
}

// givesNode reports whether the first result is *G.Node or []*G.Node.
func givesNode(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	t := f.Type.Results.List[0].Type
	if a, ok := t.(*ast.ArrayType); ok {
		t = a.Elt
	}
	p, ok := t.(*ast.StarExpr)
	if !ok {
		return false
	}
	s, ok := p.X.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Node"
}

func hasCase(method string) bool {
	for name := range cases {
		if name == method || strings.HasPrefix(name, method+" ") {
			return true
		}
	}
	return false
}

// No two nodes are merged, however alike they are.
func TestNodesStayApart(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(-1, 1, 600)})
	x, y := b.Slice(in[0], 0, 0, 256), b.Slice(in[0], 0, 256, 512)
	first, second := b.Tanh(x), b.Tanh(x)
	if b.Err() != nil || x == y || first == second {
		t.Error("two nodes are one")
	}
}

// The first error stays, and later calls neither panic nor replace it.
func TestFirstErrorStays(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(-1, 1, 2), floats(-1, 1, 3)})
	b.Add(in[0], in[1])
	first := b.Err()
	if first == nil {
		t.Fatal("no error")
	}
	for name, c := range cases {
		_, other := inputs(tape.Float32, slices.Concat(c.at, c.bad)[0])
		if n := c.build(b, other); n == nil {
			t.Errorf("%s gives nil after an error", name)
		}
		if n := c.build(b, make([]*G.Node, len(other))); n == nil {
			t.Errorf("%s gives nil after an error", name)
		}
	}
	if b.Err() != first {
		t.Errorf("the error became %v", b.Err())
	}
}

// A node that is missing is an error.
func TestNilIsAnError(t *testing.T) {
	for name, c := range cases {
		b, in := inputs(tape.Float32, slices.Concat(c.at, c.bad)[0])
		for i := range in {
			without := slices.Clone(in)
			without[i] = nil
			b := New(b.Graph())
			if c.build(b, without); b.Err() == nil {
				t.Errorf("%s without input %d: no error", name, i)
			}
		}
	}
}

// A node of another graph is an error that names it, not a panic.
func TestForeignNodeIsAnError(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(-1, 1, 2)})
	foreign := G.NewVector(G.NewGraph(), G.Float32, G.WithShape(2), G.WithName("stranger"))
	b.Add(in[0], foreign)
	if b.Err() == nil || !strings.Contains(b.Err().Error(), "stranger[2] belongs to another graph") {
		t.Errorf("error is %v", b.Err())
	}
}

// What goes wrong in a run on Gorgonia's machine is an error that names the operation.
func TestDoReportsErrors(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(-1, 1, 3, 2), ints(3, 3, 1)})
	b.Gather(in[0], in[1])
	for i, v := range draw([]input{floats(-1, 1, 3, 2), ints(3, 3, 1)}) {
		if err := G.Let(in[i], lower.Wrap(v.as([]ir.Dtype{tape.Float32, tape.Int32}[i]), v.shape)); err != nil {
			t.Fatal(err)
		}
	}
	vm := G.NewTapeMachine(b.Graph())
	defer vm.Close()
	if err := vm.RunAll(); err == nil || !strings.Contains(err.Error(), "Gather") ||
		!strings.Contains(err.Error(), "index 3") {
		t.Errorf("error is %v", err)
	}
}

// An element type that no device has is an error.
func TestUnsupportedElementType(t *testing.T) {
	for name, method := range map[string]func(b *Builder, index, odd *G.Node){
		"Tanh":   func(b *Builder, _, odd *G.Node) { b.Tanh(odd) },
		"OneHot": func(b *Builder, index, odd *G.Node) { b.OneHot(index, 3, odd) },
	} {
		b, in := inputs(tape.Float32, []input{ints(0, 1, 2)})
		method(b, in[0], G.NewVector(b.Graph(), tensor.Complex64, G.WithShape(2), G.WithName("odd")))
		if b.Err() == nil || !strings.Contains(b.Err().Error(), "odd[2]") {
			t.Errorf("%s: error is %v", name, b.Err())
		}
	}
}
