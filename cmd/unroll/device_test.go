package main

import (
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/trainer/device"
)

// onGPU gives a test an empty folder with a text, and a machine whose GPU open gets ready.
func onGPU(t *testing.T, built bool, open func() (driver.GPU, error)) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(40))
	before := reach
	t.Cleanup(func() { reach = before })
	reach = device.Driver{Built: built, Open: func(int) (driver.GPU, error) { return open() }}
}

func noDriver() (driver.GPU, error) {
	return nil, &driver.UnavailableError{Reason: "libcuda.so.1: there is no such file; install NVIDIA's driver"}
}

func simulated(c sim.Config) func() (driver.GPU, error) {
	return func() (driver.GPU, error) { return sim.New(c), nil }
}

// tiny trains a tiny model of the real kind.
func tiny(args string) result {
	return unroll(strings.Fields(
		"train lm --text rhyme.txt --hidden 4 --layers 1 --embed 0 --batch 4 --seq 5 --steps 3 --out run " + args,
	)...)
}

func TestDeviceAuto(t *testing.T) {
	for _, c := range []struct {
		name   string
		built  bool
		open   func() (driver.GPU, error)
		stderr string
		on     string
	}{
		{"without GPU support", false, noDriver, "", "on cpu\n"},
		{"without a driver", true, noDriver, "unroll: no GPU: libcuda.so.1: there is no such file; install NVIDIA's driver; computing on the CPU\n", "on cpu\n"},
		{"with a GPU", true, simulated(sim.Config{}), "", "on cuda\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onGPU(t, c.built, c.open)
			if r := tiny(""); r.code != 0 || r.stderr != c.stderr || !strings.Contains(r.stdout, c.on) {
				t.Errorf("exit code %d, stderr %q, want %q\n%s", r.code, r.stderr, c.stderr, r.stdout)
			}
			if r := unroll("eval", "run"); r.code != 0 || r.stderr != c.stderr {
				t.Errorf("eval: exit code %d, stderr %q, want %q", r.code, r.stderr, c.stderr)
			}
		})
	}
}

// This binary on this machine: a GPU, or the CPU, and a word about it if a GPU was looked for.
func TestDeviceOwn(t *testing.T) {
	onGPU(t, driver.Built, noDriver)
	reach = ownReach
	if reach.Built != driver.Built {
		t.Errorf("built with GPU support: %v, want %v", reach.Built, driver.Built)
	}
	switch r := tiny(""); {
	case r.code != 0:
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	case strings.Contains(r.stdout, "on cuda\n"):
		if !driver.Built || r.stderr != "" {
			t.Errorf("on a GPU: %s", r.stderr)
		}
	default:
		said := strings.HasPrefix(r.stderr, "unroll: no GPU: ") && strings.HasSuffix(r.stderr, "; computing on the CPU\n") &&
			strings.Count(r.stderr, "\n") == 1
		if !strings.Contains(r.stdout, "on cpu\n") || said != driver.Built || !said && r.stderr != "" {
			t.Errorf("on the CPU: %q\n%s", r.stderr, r.stdout)
		}
	}
}

// What is asked for and not there.
func TestDeviceUnavailable(t *testing.T) {
	onGPU(t, true, noDriver)
	const why = "no GPU: libcuda.so.1: there is no such file; install NVIDIA's driver"
	if r := tiny("--device cuda"); r.code != exitUnavailable || r.stderr != "unroll: --device cuda: "+why+"\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	if r := tiny("--precision tf32"); r.code != exitUnavailable || r.stderr != "unroll: --precision tf32: "+why+"\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	if r := tiny("--device cpu --precision tf32"); r.code != exitUsage ||
		r.stderr != "unroll: --precision tf32 is for --device cuda, and the device is cpu: leave one of them out\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	if r := tiny("--device cpu"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	want(t, exitUnavailable, "--device cuda: "+why, "sample", "run", "--device", "cuda")
	want(t, exitUnavailable, "--device cuda: "+why, "eval", "run", "--device", "cuda")
	want(t, exitUsage, "--precision tf32 is for --device cuda, and the device is ref: leave one of them out", "eval",
		"run", "--device", "ref", "--precision", "tf32")
}

// The precision is part of the configuration, and another one continues the run.
func TestPrecision(t *testing.T) {
	onGPU(t, true, simulated(sim.Config{}))
	if r := tiny("--device cuda --precision bf16"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if c := readFile(t, "run/config.yaml"); !strings.Contains(c, "device: cuda\n") ||
		!strings.Contains(c, "precision: bf16\n") {
		t.Error(c)
	}
	if r := tiny("--device cpu --steps 4"); r.code != 0 || !strings.Contains(r.stdout, "continuing after step 3\n") {
		t.Errorf("%d, %s%s", r.code, r.stderr, r.stdout)
	}
}

// bf16 is a precision of the CPU, too: it changes what is learned, alike for any number of threads. Such a run is used,
// exported and begun from, and goes on at another precision.
func TestPrecisionOnCPU(t *testing.T) {
	onGPU(t, false, noDriver)
	weights := func(args string) string {
		t.Helper()
		if r := tiny("--device cpu " + args); r.code != 0 {
			t.Fatal(r.stderr)
		}
		w := readFile(t, "run/last/weights.safetensors")
		if err := os.Rename("run", strings.ReplaceAll(args, " ", "")); err != nil {
			t.Fatal(err)
		}
		return w
	}
	one, two := weights("--precision bf16 --threads 1"), weights("--precision bf16 --threads 2")
	fp32 := weights("--threads 1")
	if one != two {
		t.Error("bf16: other weights with two threads")
	}
	if one == fp32 {
		t.Error("bf16: the weights of fp32")
	}
	const run = "--precisionbf16--threads1"
	if err := os.Rename(run, "run"); err != nil {
		t.Fatal(err)
	}
	if c := readFile(t, "run/config.yaml"); !strings.Contains(c, "precision: bf16\n") {
		t.Error(c)
	}
	must(t, "sample", "run", "--prompt", "a", "--length", "3", "--device", "cpu", "--precision", "bf16")
	must(t, "export", "run", "--onnx", "model.onnx")
	if r := tiny("--device cpu --out next --from run --precision bf16"); r.code != 0 {
		t.Error(r.stderr)
	}
	if r := tiny("--device cpu --steps 4"); r.code != 0 || !strings.Contains(r.stdout, "continuing after step 3\n") {
		t.Errorf("%d, %s%s", r.code, r.stderr, r.stdout)
	}
}

// Weights as int8 change the loss a little, are for the CPU, and are for models that are used.
func TestWeights(t *testing.T) {
	onGPU(t, true, simulated(sim.Config{}))
	if r := tiny("--hidden 16 --device cpu"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	loss := func(flags ...string) float64 {
		return jsonLines(t, must(t, append([]string{"eval", "run", "--json"}, flags...)...))[0]["loss"].(float64)
	}
	fp32, int8 := loss("--device", "cpu"), loss("--weights", "int8")
	if int8 == fp32 || math.Abs(int8-fp32) > 0.01*fp32 {
		t.Errorf("the loss is %v with weights as int8, %v without", int8, fp32)
	}
	if got := loss("--weights", "int8", "--device", "cpu", "--threads", "1"); got != int8 {
		t.Errorf("the loss is %v with one thread, %v with several", got, int8)
	}
	must(t, "sample", "run", "--prompt", "a", "--length", "3", "--weights", "int8")
	want(t, exitUsage, "--weights int8 are for --device cpu, and the device is cuda: leave one of them out", "eval", "run",
		"--weights", "int8", "--device", "cuda")
	want(t, exitUsage, "--weights int8 are for the CPU, and --precision tf32 is not: leave one of them out", "eval", "run",
		"--weights", "int8", "--precision", "tf32")
	if r := tiny("--weights int8"); r.code != exitUsage {
		t.Errorf("train --weights: exit code %d, %s", r.code, r.stderr)
	}
}

// A batch that is too large for the GPU's memory: the one that is proposed fits.
func TestDeviceMemory(t *testing.T) {
	const large = "--hidden 8 --batch 64 --seq 6"
	workspaces := 2 * driver.WorkspaceBytes(sim.New(sim.Config{}).Info().Compute) // one for each lane
	onGPU(t, true, simulated(sim.Config{Memory: workspaces + 100<<10}))
	r := tiny(large)
	m := regexp.MustCompile(`^unroll: the GPU's memory is full: [\d,]+ bytes asked for, [\d,]+ free: try --batch (\d+) \(it is 64\)\n$`).FindStringSubmatch(r.stderr)
	if r.code != exitGPU || m == nil {
		t.Fatalf("%d, %s", r.code, r.stderr)
	}
	if r := tiny(large + " --batch " + m[1]); r.code != 0 {
		t.Errorf("--batch %s: %d, %s", m[1], r.code, r.stderr)
	}
	r = tiny("--hidden 200 --batch 1 --seq 1 --overwrite")
	if r.code != exitGPU || !strings.HasSuffix(r.stderr,
		" free: the model itself is too large for it; try a smaller --hidden, or --device cpu\n") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

// A GPU that fails in the middle: what was saved is whole, and the run goes on where it was saved, as if
// nothing had been.
func TestDeviceLost(t *testing.T) {
	fails := 0
	onGPU(t, true, func() (driver.GPU, error) { return sim.New(sim.Config{FailLaunch: fails}), nil })
	const args = "--checkpoint-every 1 --steps 20"
	r := tiny(args)
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	weights := readFile(t, "run/last/weights.safetensors")
	for _, c := range []struct {
		fails int
		want  string
	}{
		{1, ": nothing was saved yet: begin again with unroll train lm "},
		{900, ": the last checkpoint, run/last, is whole: continue with unroll train lm --text rhyme.txt "},
	} {
		fails = c.fails
		if r := tiny(args + " --overwrite"); r.code != exitGPU || !strings.HasPrefix(r.stderr,
			"unroll: the GPU is lost (") || !strings.Contains(r.stderr, c.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%d, %s", r.code, r.stderr)
		}
	}
	fails = 0
	if r := tiny(args); r.code != 0 || !strings.Contains(r.stdout, "continuing after step ") {
		t.Fatalf("%d, %s%s", r.code, r.stderr, r.stdout)
	}
	if readFile(t, "run/last/weights.safetensors") != weights {
		t.Error("the run that was continued ends with other weights")
	}
	fails = 1
	if r := unroll("eval", "run"); r.code != exitGPU || !strings.HasSuffix(r.stderr,
		": run the command again; if that fails too, restart the machine or use --device cpu\n") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}
