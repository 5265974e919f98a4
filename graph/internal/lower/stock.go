package lower

import (
	"reflect"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// call is an op of Gorgonia applied to translated arguments: what a translation goes by.
type call struct {
	*ir.Builder
	node  *G.Node
	op    reflect.Value // the op's struct
	shape ir.Shape      // of the result
	in    []*ir.Value

	before []*ir.Value // computed before it, although it does not take them; see order
}

// translation is how one of Gorgonia's op types is recognised and translated.
type translation struct {
	// translate gives the op's value, with exactly the meaning of the op's Do. It gives nil where that meaning is not
	// worth translating (an oddity of Gorgonia, integers in arithmetic): the op is then called on the host.
	translate func(call) *ir.Value

	// fields are the struct fields that translate reads; see SelfTest.
	fields []field
}

type field struct {
	name string
	kind reflect.Kind
}

var windowFields = []field{{"h", reflect.Int}, {"w", reflect.Int}, {"padNorth", reflect.Int}, {"padWest", reflect.Int},
	{"padSouth", reflect.Int}, {"padEast", reflect.Int}, {"strideH", reflect.Int}, {"strideW", reflect.Int},
	{"explicitPadding", reflect.Bool}}

// stockOps are Gorgonia's op types by the names of their Go types. What is not among them (pooling by maximum,
// normalisation, random nodes, ops of other packages) is called on the host.
var stockOps = map[string]translation{
	"elemBinOp":   {call.binary, []field{{binaryField, reflect.Interface}, {"retSame", reflect.Bool}}},
	"elemUnaryOp": {call.unary, nil},
	"minBetween":  {call.minBetween, nil},
	"maxBetween":  {call.maxBetween, nil},
	"dtConvOp":    {call.convert, nil},
	"Iop":         {call.identity, nil},

	"linAlgBinOp": {call.linAlg, []field{{"āBinaryOperator", reflect.Uint8}, {"transA", reflect.Bool}, {"transB", reflect.Bool}}},
	"tensordotOp": {call.tensordot, []field{{"aAxes", reflect.Slice}, {"bAxes", reflect.Slice}}},

	"sumOp":             {call.sum, []field{{"along", reflect.Slice}}},
	"maxOp":             {call.max, []field{{"along", reflect.Slice}}},
	"softmaxOp":         {call.softmax, []field{{"axis", reflect.Int}, {"isLog", reflect.Bool}}},
	"softmaxDiffOp":     {call.softmaxDiff, []field{{"axis", reflect.Int}, {"isLog", reflect.Bool}}},
	"sparsemaxOp":       {call.sparsemax, []field{{"axis", reflect.Int}}},
	"sparsemaxDiffOp":   {call.sparsemaxDiff, nil},
	"byIndicesOp":       {call.byIndices, []field{{"axis", reflect.Int}}},
	"byIndicesOpDiffOp": {call.byIndicesDiff, []field{{"axis", reflect.Int}}},

	"dropoutOp":     {call.dropout, nil},
	"dropoutDiffOp": {call.dropoutDiff, nil},
	"avgPoolOp":     {call.meanPool, windowFields},
	"avgPoolDiffOp": {call.meanPoolDiff, windowFields},

	"repeatOp":    {call.repeat, []field{{"along", reflect.Int}}},
	"sizeOp":      {call.size, []field{{"axis", reflect.Int}}},
	"reshapeOp":   {call.reshape, nil},
	"transposeOp": {call.transpose, []field{{"pattern", reflect.Slice}}},
	"sliceOp":     {call.slice, []field{{"along", reflect.Int}}},
	"sliceIncrOp": {call.sliceIncr, []field{{"along", reflect.Int}}},
	"atOp":        {call.at, []field{{"coordinates", reflect.Slice}}},
	"concatOp":    {call.concat, []field{{"axis", reflect.Int}}},

	"constantScalar": {call.constant, nil},
	"constantTensor": {call.constant, nil},
}

// stock translates a node whose op is not one of ours.
func stock(b *ir.Builder, n *G.Node, in, before []*ir.Value) (*ir.Value, error) {
	if err := SelfTest(); err != nil {
		return nil, err
	}
	if _, err := TypeOf(n); err != nil {
		return nil, err
	}
	c := call{Builder: b, node: n, op: structOf(n.Op()), shape: ir.Shape(n.Shape()), in: in, before: before}
	v := c.repaired()
	if t, ok := stockOps[stockName(n.Op())]; ok && v == nil {
		v = t.translate(c)
	}
	if v == nil {
		v = c.host()
	}
	return v, b.Err()
}

// check compares a translation with what Gorgonia knows of the node. A tuple has no shape in Gorgonia.
func check(n *G.Node, v *ir.Value) error {
	if v.Parts != nil {
		return nil
	}
	want, err := TypeOf(n)
	if err != nil {
		return err
	}
	if v.Dtype != want.Dtype || !v.Shape.Equal(want.Shape) {
		return errors.Errorf("it is %v in Gorgonia and %v as translated", want, v.Type)
	}
	return nil
}

// stockName is the name of the op's type if it is Gorgonia's, else empty. A leaf has no op.
func stockName(op G.Op) string {
	if op == nil {
		return ""
	}
	t := reflect.TypeOf(op)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != reflect.TypeFor[G.Node]().PkgPath() {
		return ""
	}
	return t.Name()
}

func structOf(op G.Op) reflect.Value {
	v := reflect.ValueOf(op)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}

// attribute reads a field: a bool, an int or a []int. The operator of an elemBinOp is a struct in an interface; its
// code is in a field of the same name.
func attribute(op reflect.Value, name string) any {
	f := op.FieldByName(name)
	if f.Kind() == reflect.Interface {
		f = f.Elem().FieldByName(name + "Type")
	}
	switch f.Kind() {
	case reflect.Bool:
		return f.Bool()
	case reflect.Int:
		return int(f.Int())
	case reflect.Uint8:
		return int(f.Uint())
	case reflect.Slice:
		xs := make([]int, f.Len())
		for i := range xs {
			xs[i] = int(f.Index(i).Int())
		}
		return xs
	}
	return nil
}

func (c call) flag(name string) bool  { return attribute(c.op, name).(bool) }
func (c call) int(name string) int    { return attribute(c.op, name).(int) }
func (c call) ints(name string) []int { return attribute(c.op, name).([]int) }

// floats reports whether all arguments are floating-point numbers.
func (c call) floats() bool {
	for _, x := range c.in {
		if x.Dtype == tape.Int32 {
			return false
		}
	}
	return true
}
