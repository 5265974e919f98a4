package lower

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
)

func TestSelf(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Fatal(err)
	}
}

// With other expectations than what Gorgonia is, the self-test says what is different.
func TestSelfTestFails(t *testing.T) {
	with := func(name string, fields ...field) map[string]translation {
		ops := maps.Clone(stockOps)
		ops[name] = translation{fields: fields}
		return ops
	}
	sampled := func(change func(all []sample) []sample) func() []sample {
		return func() []sample { return change(samples()) }
	}
	find := func(all []sample, name string) *sample {
		for i := range all {
			if stockName(all[i].node.Op()) == name {
				return &all[i]
			}
		}
		t.Fatalf("no sample of %s", name)
		return nil
	}
	without := maps.Clone(stockOps)
	delete(without, "repeatOp")
	for _, c := range []struct {
		name    string
		ops     map[string]translation
		samples func() []sample
		says    string
	}{
		{"a field is gone", with("sumOp", field{"axes", reflect.Slice}), samples, "sumOp has no field axes"},
		{"a field has another kind", with("repeatOp", field{"along", reflect.Slice}), samples, "repeatOp has no field along of kind slice"},
		{"a type is gone", with("subOp"), samples, "no type subOp"},
		{"a type is new", without, samples, "unknown type repeatOp"},
		{"an operator has another code", stockOps, sampled(func(all []sample) []sample {
			find(all, "elemBinOp").attrs[binaryField] = 4
			return all
		}), "field ʘBinaryOperator reads 0, expected 4"},
		{"an operator has another name", stockOps, sampled(func(all []sample) []sample {
			find(all, "elemUnaryOp").prints = "tangent"
			return all
		}), `expected "tangent"`},
		{"a slice has another range", stockOps, sampled(func(all []sample) []sample {
			find(all, "sliceOp").attrs[isSlice] = "1 5 true"
			return all
		}), "reads 1 4 true, expected 1 5 true"},
		{"children in another order", stockOps, sampled(func(all []sample) []sample {
			s := find(all, "elemBinOp")
			s.children[0], s.children[1] = s.children[1], s.children[0]
			return all
		}), "children are"},
		{"an op cannot be built", stockOps, func() []sample { return []sample{{node: G.Must(G.Add(nil, nil))}} }, "panic"},
	} {
		err := selfTest(c.ops, c.samples)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), gorgoniaVersion) {
			t.Errorf("%s: %v; expected an error that speaks of %q and of %s", c.name, err, c.says, gorgoniaVersion)
		}
	}
}
