package device_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/trainer/device"
)

var (
	none = device.Driver{Built: true, Open: func(int) (driver.GPU, error) {
		return nil, &driver.UnavailableError{Reason: "no driver is installed"}
	}}
	notBuilt  = device.Driver{Open: none.Open}
	simulator = device.Driver{Built: true, Open: func(int) (driver.GPU, error) { return sim.New(sim.Config{}), nil }}
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name string
		with device.Driver
		want string
		told string
	}{
		{device.CPU, none, "cpu", ""},
		{device.Ref, none, "ref", ""},
		{device.Auto, none, "cpu", "no GPU: no driver is installed; computing on the CPU"},
		{device.Auto, notBuilt, "cpu", ""},
		{device.Auto, simulator, "cuda", ""},
		{device.CUDA, simulator, "cuda", ""},
	} {
		told := ""
		d, err := device.Open(c.name, device.Using(c.with), device.Tell(func(s string) { told += s }))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if d.Name() != c.want || told != c.told {
			t.Errorf("%s: opened %s and told %q, want %s and %q", c.name, d.Name(), told, c.want, c.told)
		}
	}
}

// A GPU that was asked for is not replaced by the CPU.
func TestOpenMissing(t *testing.T) {
	for asked, open := range map[string]func() error{
		"device cuda": func() error { _, err := device.Open(device.CUDA, device.Using(none)); return err },
		"precision bf16": func() error {
			_, err := device.Open(device.Auto, device.Using(none), device.Precision(device.BF16))
			return err
		},
	} {
		err := open()
		var missing *device.MissingError
		var why *driver.UnavailableError
		if !errors.As(err, &missing) || missing.Asked != asked || !errors.As(err, &why) {
			t.Errorf("%s: %v", asked, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for want, open := range map[string]func() error{
		`there is no device "gpu"`:               func() error { _, err := device.Open("gpu"); return err },
		`there is no precision "fp8"`:            func() error { _, err := device.Open(device.CUDA, device.Precision("fp8")); return err },
		"precision tf32 is for the device cuda,": func() error { _, err := device.Open(device.CPU, device.Precision(device.TF32)); return err },
	} {
		if err := open(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
