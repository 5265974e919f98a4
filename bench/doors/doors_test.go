// Package doors holds what is exported to a promise: a wrong argument is an error, never a panic.
//
// A table for each package has one right call of every function and method that gives an error, or that builds with
// an op.Builder, which keeps one. A test makes each call, and then all calls in which one thing is different: an
// argument, an element, a field. What is exported and is not in a table is an error of the test.
package doors

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/graph/op"
)

// call is a right call: its last result is an error, or one of its arguments a builder that keeps one.
type call struct {
	f    any
	args []any
}

// door is a package: its folder, and its calls by name, Function or Type.Method. Each is made anew, because wrong
// calls may spoil what a right one has made.
type door struct {
	dir   string
	calls map[string]func(t *testing.T) call
}

// doors are added by the files of the packages.
var doors []door

// few is of how many variants one is tried in short tests.
const few = 4

func TestNoPanicAtTheDoor(t *testing.T) {
	for _, d := range doors {
		for name, make := range d.calls {
			t.Run(d.dir+"/"+name, func(t *testing.T) {
				t.Chdir(t.TempDir()) // where a wrong name of a file does no harm
				c := make(t)
				f := reflect.ValueOf(c.f)
				if len(c.args) != f.Type().NumIn() {
					t.Fatalf("the table has %d arguments for a %v: want as many (for a variadic one a slice)", len(c.args), f.Type())
				}
				if err := enter(f, exactly(c, f)); err != nil {
					t.Fatalf("the right call: %v", err)
				}
				for i, v := range variants(c.args, f.Type()) {
					if !testing.Short() || i%few == 0 {
						try(t, v, make(t))
					}
				}
			})
		}
	}
}

// exactly are the arguments of a call as they are.
func exactly(c call, f reflect.Value) []reflect.Value {
	in := make([]reflect.Value, len(c.args))
	for i, a := range c.args {
		in[i] = reflect.New(f.Type().In(i)).Elem()
		if a != nil {
			in[i].Set(reflect.ValueOf(a))
		}
	}
	return in
}

// try makes one call with a variant of its arguments.
func try(t *testing.T, v variant, c call) {
	defer func() {
		if p := recover(); p != nil {
			stack := strings.Split(string(debug.Stack()), "\n")
			at := slices.IndexFunc(stack, func(s string) bool { return strings.HasPrefix(s, "panic(") })
			t.Errorf("%s: panic: %v\n%s", v.what, p, strings.Join(stack[at+2:min(at+10, len(stack))], "\n"))
		}
	}()
	enter(reflect.ValueOf(c.f), v.args)
}

// enter calls a function, and gives its error.
func enter(f reflect.Value, in []reflect.Value) error {
	var out []reflect.Value
	if f.Type().IsVariadic() {
		out = f.CallSlice(in)
	} else {
		out = f.Call(in)
	}
	for _, a := range in {
		if b, ok := a.Interface().(*op.Builder); ok && b != nil && b.Err() != nil {
			return b.Err()
		}
	}
	if len(out) == 0 {
		return nil
	}
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// What is exported has a door.
func TestEveryDoorIsTried(t *testing.T) {
	for _, d := range doors {
		files := token.NewFileSet()
		names, err := filepath.Glob(filepath.Join("..", "..", d.dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files of Go: %v", d.dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if name := nameOf(f, ok); name != "" && fails(f) && !inTable(d.dir, name) {
					t.Errorf("%s: %s is not tried with wrong arguments: add a right call of it to the table of %s",
						files.Position(f.Pos()), name, d.dir)
				}
			}
		}
	}
}

// inTable says whether a table of a package, which may have several, has a call.
func inTable(dir, name string) bool {
	return slices.ContainsFunc(doors, func(d door) bool { return d.dir == dir && d.calls[name] != nil })
}

// nameOf is Function or Type.Method, or "" of what is not exported.
func nameOf(f *ast.FuncDecl, ok bool) string {
	if !ok || !f.Name.IsExported() {
		return ""
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	id, ok := t.(*ast.Ident)
	if !ok || !id.IsExported() && id.Name != "shared" {
		return ""
	}
	return id.Name + "." + f.Name.Name
}

// fails reports whether a function can say that an argument is wrong: it gives an error, or takes a builder. The
// methods that say what an error is, or is of, cannot.
func fails(f *ast.FuncDecl) bool {
	if f.Name.Name == "Unwrap" || f.Name.Name == "Err" || f.Name.Name == "Close" {
		return false
	}
	if rs := f.Type.Results; rs != nil {
		if id, ok := rs.List[len(rs.List)-1].Type.(*ast.Ident); ok && id.Name == "error" {
			return true
		}
	}
	return slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool {
		s, ok := p.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		sel, ok := s.X.(*ast.SelectorExpr)
		return ok && fmt.Sprint(sel.X) == "op" && sel.Sel.Name == "Builder"
	})
}

// file writes a file into the folder in which the test stands.
func file(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
