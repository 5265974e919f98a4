package device_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// openAll opens a device for each rank, by its driver, and gives what was told and the errors.
func openAll(drivers ...device.Driver) (told []string, errs []error) {
	told, errs = make([]string, len(drivers)), make([]error, len(drivers))
	var all sync.WaitGroup
	for rank, c := range parallel.Local(len(drivers)) {
		all.Go(func() {
			_, errs[rank] = device.Open(device.Auto, device.World(c), device.Using(drivers[rank]), device.Tell(func(s string) {
				told[rank] += s
			}))
		})
	}
	all.Wait()
	return told, errs
}

// has is a driver that has a GPU.
func has(gpu driver.GPU) device.Driver {
	return device.Driver{Built: true, Open: func(int) (driver.GPU, error) { return gpu, nil }}
}

// How the processes of a world agree on who sums gradients, and what is told by the first.
func TestWorld(t *testing.T) {
	gpu := func(n *sim.Network) device.Driver { return has(sim.New(sim.Config{Network: n})) }
	for _, c := range []struct {
		what    string
		drivers func(n *sim.Network) []device.Driver
		why     string // they do not join; "": they do
	}{
		{"GPUs of their own", func(n *sim.Network) []device.Driver { return []device.Driver{gpu(n), gpu(n)} }, ""},
		{"no NCCL on one", func(n *sim.Network) []device.Driver { return []device.Driver{gpu(n), gpu(nil)} },
			"rank 1: no NCCL: the simulated GPU has no network"},
		{"no GPU on one", func(n *sim.Network) []device.Driver { return []device.Driver{notBuilt, gpu(n)} },
			"rank 0 computes without a GPU"},
		{"one GPU", func(n *sim.Network) []device.Driver {
			one := sim.New(sim.Config{Network: n})
			return []device.Driver{gpu(n), has(one), has(one)}
		}, "ranks 1 and 2 have one GPU, simulator of "},
		{"no GPU at all", func(n *sim.Network) []device.Driver { return []device.Driver{notBuilt, notBuilt} },
			"rank 0 computes without a GPU"},
	} {
		for _, wish := range []string{"", "off", "must"} {
			t.Setenv(device.NCCL, wish)
			told, errs := openAll(c.drivers(sim.NewNetwork())...)
			want := c.why
			switch {
			case wish == "off" || wish == "must" && c.why != "" || c.what == "no GPU at all":
				want = ""
			case want == "":
				want = "gradients are summed by NCCL 2.14, on the GPUs"
			}
			if !strings.HasPrefix(told[0], want) || want == "" && told[0] != "" || strings.Join(told[1:], "") != "" {
				t.Errorf("%s, %q: told %q, want %q by the first", c.what, wish, told, want)
			}
			if c.why != "" && want != "" && !strings.HasSuffix(told[0], "; gradients are summed through the hosts") {
				t.Errorf("%s, %q: told %q", c.what, wish, told)
			}
			for rank, err := range errs {
				var failed *device.WorldError
				if must := wish == "must" && c.why != ""; errors.As(err, &failed) != must || err != nil != must ||
					must && !strings.HasPrefix(failed.Why, c.why) {
					t.Errorf("%s, %q: rank %d: the error is %v", c.what, wish, rank, err)
				}
			}
		}
	}
	t.Setenv(device.NCCL, "yes")
	var wrong *setting.Error
	if _, errs := openAll(none, none); !errors.As(errs[0], &wrong) || wrong.Setting != device.NCCL {
		t.Errorf("UNROLL_NCCL=yes: %v", errs)
	}
}

// A GPU that does not join is an error of its process, which says how to go on without.
func TestWorldDoesNotJoin(t *testing.T) {
	network := sim.NewNetwork()
	d := has(sim.New(sim.Config{Network: network}))
	network.Break(errors.New("a cable was pulled"))
	_, errs := openAll(d, has(sim.New(sim.Config{Network: network})))
	for rank, err := range errs {
		if want := "with UNROLL_NCCL=off gradients are summed through the hosts: a cable was pulled"; err == nil || err.Error() != want {
			t.Errorf("rank %d: the error is %v, want %s", rank, err, want)
		}
	}
}

// The GPU of a process is that with its number on the machine, counted around; alone it takes the first.
func TestWorldGPU(t *testing.T) {
	var opened []int
	var lock sync.Mutex
	two := device.Driver{Built: true, Count: func() (int, error) { return 2, nil }, Open: func(n int) (driver.GPU, error) {
		lock.Lock()
		defer lock.Unlock()
		opened = append(opened, n)
		return sim.New(sim.Config{}), nil
	}}
	for local, want := range map[string]int{"0": 0, "1": 1, "2": 0, "5": 1} {
		t.Setenv("OMPI_COMM_WORLD_LOCAL_RANK", local)
		opened = nil
		if _, errs := openAll(two, two); errs[0] != nil || errs[1] != nil || opened[0] != want || opened[1] != want {
			t.Errorf("process %s of its machine opens %v, %v, want %d", local, opened, errs, want)
		}
	}
	opened = nil
	if _, errs := openAll(two); errs[0] != nil || opened[0] != 0 {
		t.Errorf("a process alone opens %v, %v", opened, errs)
	}
}
