package cuda

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
)

// compile finds the kernels of launches. Those that no program before had are compiled, all in one module.
func (d *engine) compile(launches []*launch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var missing []kernel.Kernel
	asked := map[string]bool{}
	for _, l := range launches {
		name := l.kernel.Name
		if d.kernels[name] == nil && !asked[name] {
			asked[name] = true
			missing = append(missing, l.kernel)
		}
	}
	if len(missing) > 0 {
		text, err := kernel.Module(missing, d.early)
		if err != nil {
			return err
		}
		m, err := d.gpu.Load(text)
		if err != nil {
			return errors.WithMessagef(err, "compiling %d kernels", len(missing))
		}
		d.modules = append(d.modules, m)
		for _, k := range missing {
			f, err := m.Function(k.Name)
			if err != nil {
				return err
			}
			d.kernels[k.Name] = f
		}
	}
	for _, l := range launches {
		l.function = d.kernels[l.kernel.Name]
	}
	return nil
}

// A kernel is launched with at most so many blocks along x and y.
const (
	maxBlocksX = 1<<31 - 1
	maxBlocksY = 1<<16 - 1
)

func dim(blocks [2]int) driver.Dim { return driver.Dim{X: blocks[0], Y: blocks[1], Z: 1} }
