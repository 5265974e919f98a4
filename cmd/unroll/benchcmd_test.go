package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/cuda/driver/sim"
)

// tinyBench lets bench measure tiny things for no time.
func tinyBench(t *testing.T) {
	t.Helper()
	kernels, models := kernelTimes, modelTimes
	t.Cleanup(func() { kernelTimes, modelTimes, benchTiny = kernels, models, false })
	kernelTimes, modelTimes, benchTiny = [2]time.Duration{}, [2]time.Duration{}, true
}

func TestBenchKernels(t *testing.T) {
	onGPU(t, true, simulated(sim.Config{}))
	tinyBench(t)
	lines := jsonLines(t, must(t, "bench", "kernels", "--json", "--save", "k.jsonl", "--plot", "k.svg"))
	if sides := lines[0]["sides"].([]any); len(sides) != 2 ||
		!strings.HasPrefix(sides[1].(map[string]any)["what"].(string), "simulator, fp32") {
		t.Errorf("sides: %v", sides)
	}
	for _, l := range lines[1:] {
		if times := l["times"].([]any); len(times) != 2 || !(l["speedup"].(float64) > 0) ||
			times[1].(map[string]any)["device"] != "cuda" || !(times[1].(map[string]any)["error"].(float64) < 1e-5) {
			t.Errorf("%v", l)
		}
	}
	if saved := jsonLines(t, readFile(t, "k.jsonl")); len(saved) != len(lines) || len(lines) < 20 {
		t.Errorf("%d lines, %d of them saved", len(lines), len(saved))
	}
	for d, bars := xml.NewDecoder(strings.NewReader(readFile(t, "k.svg"))), 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if bars != 2*len(lines)+1 { // of two sides, with the legend, on a page
				t.Errorf("%d bars of %d lines", bars, len(lines))
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
}

func TestBenchModels(t *testing.T) {
	onGPU(t, true, noDriver)
	tinyBench(t)
	got := must(t, "bench", "models", "--threads", "1")
	for _, want := range []string{
		"cuda  no GPU: libcuda.so.1: there is no such file; install NVIDIA's driver\ncpu   ", ", 1 thread, ",
		"\nlstm: character model", "\nseq2seq-lstm: ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "times as fast") {
		t.Errorf("one side alone is faster than another:\n%s", got)
	}
}

func TestBenchRefuses(t *testing.T) {
	onGPU(t, true, noDriver)
	const why = "no GPU: libcuda.so.1: there is no such file; install NVIDIA's driver"
	want(t, exitUnavailable, "--device cuda: "+why, "bench", "kernels", "--device", "cuda")
	want(t, exitUnavailable, "--precision tf32: "+why, "bench", "models", "--precision", "tf32")
	want(t, exitUsage, "--precision tf32 is for --device cuda, and the device is cpu: leave one of them out", "bench",
		"models", "--precision", "tf32", "--device", "cpu")
	want(t, exitUsage, "--threads is 0: it must be at least 1", "bench", "models", "--threads", "0")
	want(t, exitNoOutput, "none/k.svg cannot be written (no such file or directory): choose another file", "bench",
		"kernels", "--plot", "none/k.svg")
}

func TestDoctor(t *testing.T) {
	for _, c := range []struct {
		name string
		gpus func(*testing.T)
		args string
		code int
		want []string
		not  string
	}{
		{"plain", func(t *testing.T) { onGPU(t, false, noDriver) }, "", 0,
			[]string{"built without GPU support\n", "        --precision bf16: products by ", "GPU     none: libcuda.so.1: there is no such file; install NVIDIA's driver\n", "needed is one for CUDA 11.8 or newer", "auto    --device auto computes on cpu, as "}, "does not work"},
		{"with a GPU", func(t *testing.T) { onGPU(t, true, simulated(sim.Config{})) }, "", 0,
			[]string{"built with GPU support\n", "GPU     simulator, compute capability 9.0, 2 multiprocessors, 1.0 GiB, ", "CUDA 12.4, needed is 11.8 or newer; cuBLAS 12.4\n", "NCCL    none: the simulated GPU has no network; several processes sum gradients through their hosts\n", "        a small kernel takes ", " kernels and copies: at least ", " µs, measured ", "auto    --device auto computes on cuda, as "}, "does not work"},
		{"with NCCL", func(t *testing.T) { onGPU(t, true, simulated(sim.Config{Network: sim.NewNetwork()})) }, "", 0,
			[]string{"NCCL    2.14: GPUs of several processes sum gradients among themselves\n"}, "does not work"},
		{"with a broken GPU", func(t *testing.T) { onGPU(t, true, simulated(sim.Config{FailLaunch: 1})) }, "", exitGPU,
			[]string{"        does not work: cuda: map "}, "differ from the reference device's by 0"},
		{"asked for one", func(t *testing.T) { onGPU(t, true, noDriver) }, "--device cuda", exitUnavailable, []string{"GPU     none: "}, "does not work"},
		{"asked for the CPU", func(t *testing.T) { onGPU(t, true, simulated(sim.Config{FailLaunch: 1})) }, "--device cpu", 0, []string{"does not work: "}, "GPU     none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.gpus(t)
			r := unroll(strings.Fields("doctor " + c.args)...)
			for _, want := range c.want {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("there is no %q in\n%s", want, r.stdout)
				}
			}
			if r.code != c.code || strings.Contains(r.stdout, c.not) || strings.Count(r.stderr, "\n") != min(c.code, 1) {
				t.Errorf("exit code %d, want %d; %s%s", r.code, c.code, r.stderr, r.stdout)
			}
		})
	}
	onGPU(t, true, simulated(sim.Config{}))
	o := jsonLines(t, must(t, "doctor", "--json"))[0]
	if gpu, ok := o["gpu"].(map[string]any); !ok || gpu["name"] != "simulator" || !(gpu["error"].(float64) < 1e-4) ||
		o["auto"] != "cuda" || !(o["cpu"].(map[string]any)["error"].(float64) > 0) {
		t.Error(o)
	}
}
