package doors

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

func init() {
	alone := parallel.Alone{}
	watch := func() *parallel.Watch { return &parallel.Watch{Communicator: alone} }
	doors = append(doors,
		door{"trainer/device", map[string]func(t *testing.T) call{
			"Open": func(*testing.T) call { return call{device.Open, []any{device.CPU, []device.Option{device.Threads(1)}}} },
			"OpenGPU": func(*testing.T) call {
				return call{func(opts []device.Option) error {
					_, g, err := device.OpenGPU(opts...)
					if none := (*driver.UnavailableError)(nil); errors.As(err, &none) {
						return nil // as on most machines
					}
					if err == nil {
						g.Close()
					}
					return err
				}, []any{[]device.Option{device.Precision(device.FP32)}}}
			},
		}},
		door{"trainer/parallel", map[string]func(t *testing.T) call{
			"Share": func(*testing.T) call {
				return call{parallel.Share[int], []any{context.Background(), 2, func(i int) (int, error) { return i, nil },
					func(int, int) error { return nil }}}
			},
			"Alone.Sum":    func(*testing.T) call { return call{alone.Sum, []any{[]float32{1}}} },
			"Alone.Vote":   func(*testing.T) call { return call{alone.Vote, []any{uint32(1)}} },
			"Alone.Gather": func(*testing.T) call { return call{alone.Gather, []any{[]byte{1}}} },
			"Alone.Bcast":  func(*testing.T) call { return call{alone.Bcast, []any{[]byte{1}}} },
			"Watch.Sum":    func(*testing.T) call { return call{watch().Sum, []any{[]float32{1}}} },
			"Watch.Vote":   func(*testing.T) call { return call{watch().Vote, []any{uint32(1)}} },
			"Watch.Gather": func(*testing.T) call { return call{watch().Gather, []any{[]byte{1}}} },
			"Watch.Bcast":  func(*testing.T) call { return call{watch().Bcast, []any{[]byte{1}}} },
			"MPI": func(*testing.T) call { // without mpirun there are no other processes
				return call{func(fatal func(error) int) error { parallel.MPI(fatal); return nil }, []any{func(error) int { return 1 }}}
			},
		}},
		door{"graph/cpu", map[string]func(t *testing.T) call{
			"Path": func(*testing.T) call { return call{cpu.Path, nil} },
		}},
		door{"graph/tape", map[string]func(t *testing.T) call{
			"Verify":         func(*testing.T) call { return call{tape.Verify, []any{&tape.Tape{}}} },
			"Tape.Separable": func(*testing.T) call { return call{(&tape.Tape{}).Separable, nil} },
		}})
}

// elsewhere are packages whose doors are tried by other tests, and which.
var elsewhere = map[string]string{
	"cuda":            "package graph/devicetest holds all devices to one contract",
	"cuda/driver":     "cuda/internal/drivertest holds the driver and its simulator to one contract",
	"cuda/driver/sim": "as cuda/driver",
}

// Every package that programs of others can import has a table.
func TestEveryPackageHasDoors(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		dir, _ := filepath.Rel(root, path)
		name := d.Name()
		if name == "internal" || name == "testdata" || path != root && strings.HasPrefix(name, ".") ||
			slices.Contains([]string{"cmd", "bench", "docs", "findings"}, dir) {
			return fs.SkipDir
		}
		dir = filepath.ToSlash(dir)
		if elsewhere[dir] != "" || slices.ContainsFunc(doors, func(d door) bool { return d.dir == dir }) {
			return nil
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				return err
			}
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && nameOf(f, true) != "" && fails(f) && !isMethodOfBuilder(f) {
					t.Errorf("%s: %s can fail, and the package has no table of right calls", dir, nameOf(f, true))
					return nil
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isMethodOfBuilder says so of what TestBuilderNeverPanics tries.
func isMethodOfBuilder(f *ast.FuncDecl) bool { return strings.HasPrefix(nameOf(f, true), "Builder.") }
