package lower

import (
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// gorgoniaVersion is the version whose op types this package knows.
const gorgoniaVersion = "v0.9.18"

// SelfTest checks once that Gorgonia's types are those that this package reads by reflection: it builds an op
// of every kind and compares the attributes that it reads with those that the op was built with. Its error
// names the type and the field that are not what they were, and the version that they are known from.
func SelfTest() error { return selfTested() }

var selfTested = sync.OnceValue(func() error { return selfTest(stockOps, samples) })

func selfTest(ops map[string]translation, samples func() []sample) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("panic: %v", p)
		}
		if err != nil {
			err = errors.Wrapf(err, "unroll can read the operations of gorgonia %s, but not of that in this program (%s); "+
				"require %[1]s in go.mod", gorgoniaVersion, linkedVersion())
		}
	}()
	if err := checkGraph(); err != nil {
		return err
	}
	met := map[string]bool{}
	for _, s := range samples() {
		name := stockName(s.node.Op())
		t, ok := ops[name]
		if !ok {
			return errors.Errorf("%v has the unknown type %s", s.node.Op(), name)
		}
		met[name] = true
		if err := t.check(name, structOf(s.node.Op()).Type()); err != nil {
			return err
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	for name := range ops {
		if !met[name] {
			return errors.Errorf("there is no type %s", name)
		}
	}
	return nil
}

// check compares the fields.
func (t translation) check(name string, s reflect.Type) error {
	for _, want := range t.fields {
		f, ok := s.FieldByName(want.name)
		if !ok || f.Type.Kind() != want.kind {
			return errors.Errorf("%s has no field %s of kind %v", name, want.name, want.kind)
		}
	}
	return nil
}

// checkGraph compares the fields of Gorgonia's graph and nodes that this package reads, and the two statements.
func checkGraph() error {
	for _, f := range []struct {
		of   reflect.Type
		name string
		is   reflect.Type
	}{
		{reflect.TypeFor[G.Node](), "children", reflect.TypeFor[G.Nodes]()},
		{reflect.TypeFor[G.Node](), "group", reflect.TypeFor[string]()},
		{reflect.TypeFor[G.Node](), "boundTo", reflect.TypeFor[G.Value]()},
		{reflect.TypeFor[G.ExprGraph](), "leaves", reflect.TypeFor[G.Nodes]()},
		{reflect.TypeFor[G.ExprGraph](), "to", reflect.TypeFor[map[*G.Node]G.Nodes]()},
	} {
		if g, ok := f.of.FieldByName(f.name); !ok || g.Type != f.is {
			return errors.Errorf("%v has no field %s of type %v", f.of, f.name, f.is)
		}
	}
	g := G.NewGraph()
	x, y := G.NewScalar(g, G.Float64, G.WithName("x")), G.NewScalar(g, G.Float64, G.WithName("y"))
	var into G.Value
	for _, s := range []struct {
		node *G.Node
		want Statement
	}{
		{G.Read(x, &into), Statement{From: x, Into: &into}},
		{G.Set(x, y), Statement{From: y, To: x}},
	} {
		if got, ok := StatementOf(s.node); !ok || got != s.want {
			return errors.Errorf("statement %v does not read as it was written", s.node.Op())
		}
	}
	return nil
}

// linkedVersion is the version of Gorgonia in this program.
func linkedVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "version unknown"
	}
	path := reflect.TypeFor[G.Node]().PkgPath()
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path })
	if i < 0 {
		return "version unknown"
	}
	return info.Deps[i].Version
}
