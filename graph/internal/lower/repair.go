package lower

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Some derivatives are wrong in Gorgonia v0.9.18, and two values. Here they are made right where a node tells for
// certain what it is, and else refused; docs/gorgonia.md lists all. Those that are ops of their own are repaired
// where these are translated (dropoutDiff, avgPoolDiff, byIndicesDiff, softmaxDiff); the others are formulas of
// nodes, found by repaired.

// repaired is the right value of a node that is part of a wrong formula, or nil.
func (c call) repaired() *ir.Value {
	switch n := c.node; {
	case stockName(n.Op()) == "linAlgBinOp":
		return c.outerProductDiff()
	case stockName(n.Op()) == "elemBinOp":
		return c.log2Diff()
	case isUnary(n, "neg", nil):
		return c.inverseSqrtDiff()
	case isUnary(n, "ln", nil):
		return c.logSumExp()
	}
	return nil
}

// log2Diff is the derivative of y = log₂ x, which is grad/(x·ln 2); Gorgonia makes it grad/(x/ln 2).
func (c call) log2Diff() *ir.Value {
	grad, quotient := operands(c.node, tape.Div)
	if quotient == nil {
		return nil
	}
	x, ln2 := operands(quotient, tape.Div)
	if ln2 == nil || !isNumber(ln2, math.Ln2) {
		return nil
	}
	if c.differentiated(grad, func(y *G.Node) bool { return isUnary(y, "log2", x) }) == nil {
		return nil
	}
	return c.Div(c.operand(c.in[0]), c.Mul(c.operand(c.in[1]), c.Const(math.Ln2*math.Ln2)))
}

// inverseSqrtDiff is the derivative of y = 1/√x, which is -grad·y³/2; Gorgonia makes it -grad/(2y³).
func (c call) inverseSqrtDiff() *ir.Value {
	grad, twice := operands(Children(c.node)[0], tape.Div)
	if twice == nil {
		return nil
	}
	two, cube := operands(twice, tape.Mul)
	if cube == nil || !isNumber(two, 2) {
		return nil
	}
	isRoot := func(y *G.Node) bool { return isUnary(y, "invSqrt", nil) && isUnary(cube, "cube", y) }
	if c.differentiated(grad, isRoot) == nil {
		return nil
	}
	quotient := c.in[0] // grad/(2y³), of which the right value is grad·(2y³)/4
	return c.Mul(c.Mul(quotient.Args[0], quotient.Args[1]), c.Const(-0.25))
}

// outerProductDiff refuses the derivative of OuterProd: Gorgonia multiplies the gradient by the wrong vectors, and if
// both are one vector, by one node.
func (c call) outerProductDiff() *ir.Value {
	children := Children(c.node)
	for i, grad := range children {
		other := children[1-i]
		y := c.differentiated(grad, func(y *G.Node) bool {
			return stockName(y.Op()) == "linAlgBinOp" && slices.Contains(Children(y), other) &&
				attribute(structOf(y.Op()), "āBinaryOperator").(int) == outerProd
		})
		if y != nil {
			return c.Fail(errors.Errorf("it is part of the derivative of the OuterProd %s, which is wrong in Gorgonia; "+
				"use Mul of a column and a row", Describe(y)))
		}
	}
	return nil
}

// logSumExp refuses LogSumExp, which is max + log Σ exp(x-max); Gorgonia makes it log(max + Σ exp(x-max)), and
// differentiates that.
func (c call) logSumExp() *ir.Value {
	sum, most := operands(Children(c.node)[0], tape.Add)
	if most == nil || stockName(most.Op()) != "maxOp" || stockName(sum.Op()) != "sumOp" {
		return nil
	}
	exp := Children(sum)[0]
	if !isUnary(exp, "exp", nil) {
		return nil
	}
	if x, m := operands(Children(exp)[0], tape.Sub); m != most || x != Children(most)[0] {
		return nil
	}
	return c.Fail(errors.New("it is Gorgonia's LogSumExp, which adds the maximum within the logarithm; " +
		"use LogSumExp of op.Builder (package graph/op), or Log(Sum(Exp(x), axis))"))
}

// operands are the arguments of a node of the given binary function, or nil.
func operands(n *G.Node, fn tape.Fn) (x, y *G.Node) {
	if stockName(n.Op()) != "elemBinOp" || binaryOps[attribute(structOf(n.Op()), binaryField).(int)].fn != fn {
		return nil, nil
	}
	children := Children(n)
	return children[0], children[1]
}

// Sum are the arguments of a node that adds two with Gorgonia's own operation, or nil.
func Sum(n *G.Node) (x, y *G.Node) { return operands(n, tape.Add) }

// isUnary reports whether n is a unary function, by the name that Gorgonia prints, of x, or of anything if x is nil.
func isUnary(n *G.Node, name string, x *G.Node) bool {
	return stockName(n.Op()) == "elemUnaryOp" && n.Op().String() == name && (x == nil || Children(n)[0] == x)
}

// isNumber reports whether n is a constant of one number, up to float32's rounding.
func isNumber(n *G.Node, x float64) bool {
	if stockName(n.Op()) != "constantScalar" {
		return false
	}
	y, ok, err := constantOf(n)
	return ok && err == nil && float32(y) == float32(x)
}

// differentiated finds the node whose derivative grad is, among those that a function accepts. Of a constant
// derivative the graph has a copy.
func (c call) differentiated(grad *G.Node, accept func(*G.Node) bool) *G.Node {
	for _, y := range c.node.Graph().AllNodes() {
		d := y.Deriv()
		if d == nil || y.Op() == nil || !accept(y) {
			continue
		}
		if d == grad || Given(d) && Given(grad) && d.Name() == grad.Name() {
			return y
		}
	}
	return nil
}
