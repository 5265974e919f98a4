package doors

import (
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
)

// someCases are two series of two channels.
func someCases() []series.Case {
	return []series.Case{{Values: [][]float64{{1, 2, 3}, {4, 5, 6}}}, {Values: [][]float64{{0}, {1}}}}
}

func fitted(t *testing.T) *series.Features {
	t.Helper()
	f := &series.Features{Differences: true, Missing: series.MissingMask, Patch: 2}
	if err := f.Fit(2, someCases()); err != nil {
		t.Fatal(err)
	}
	return f
}

// addDoors adds to the doors of a package, which another file begins.
func addDoors(dir string, calls map[string]func(t *testing.T) call) {
	for _, d := range doors {
		if d.dir == dir {
			for name, make := range calls {
				d.calls[name] = make
			}
			return
		}
	}
	doors = append(doors, door{dir, calls})
}

func init() {
	addDoors("datasets/series", map[string]func(t *testing.T) call{
		"Features.Check": func(t *testing.T) call { return call{fitted(t).Check, nil} },
		"Features.Fit":   func(t *testing.T) call { return call{(&series.Features{}).Fit, []any{2, someCases()}} },
		"Features.Fill": func(t *testing.T) call {
			f, c := fitted(t), someCases()[0]
			return call{f.Fill, []any{&c, make([]float32, f.Steps(&c)*f.Size())}}
		},
	})
	addDoors("datasets/tasks", map[string]func(t *testing.T) call{
		"Numbers": func(*testing.T) call {
			return call{tasks.Numbers, []any{"adding-5", tasks.Config{Seed: 1, Train: 5, Valid: 2}}}
		},
	})
	addDoors("datasets", map[string]func(t *testing.T) call{
		"OrderedLabels": func(*testing.T) call { return call{datasets.OrderedLabels, []any{[]string{"b", "a"}}} },
		"Labels.Classes": func(*testing.T) call {
			l := datasets.NewLabels([]string{"a", "b"})
			return call{l.Classes, []any{"x", 2, func(int) string { return "a" }}}
		},
	})
}
