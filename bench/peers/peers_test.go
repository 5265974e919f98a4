package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
)

var peers = flag.Bool("peers", false, "compare with what other programs compute, where they are installed")

func tinySize(w workload) workloads.Size { return w.Tiny }

// client asks a contender that runs in the test itself.
type client struct {
	t       *testing.T
	in      *json.Encoder
	answers *json.Decoder
}

func newClient(t *testing.T) *client {
	requests, in := io.Pipe()
	out, replies := io.Pipe()
	done := make(chan error)
	go func() { done <- serve(requests, replies, tinySize) }()
	t.Cleanup(func() {
		in.Close()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	c := &client{t, json.NewEncoder(in), json.NewDecoder(out)}
	if hello := c.receive(); hello.Version != "unroll" {
		t.Errorf("the contender calls itself %q", hello.Version)
	}
	return c
}

func (c *client) receive() (r reply) {
	c.t.Helper()
	if err := c.answers.Decode(&r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *client) ask(r request) reply {
	c.t.Helper()
	if err := c.in.Encode(r); err != nil {
		c.t.Fatal(err)
	}
	return c.receive()
}

// Every workload compiles, gives on the CPU device what it gives on the reference device, and learns.
func TestWorkloads(t *testing.T) {
	c := newClient(t)
	for _, w := range list {
		t.Run(w.Name, func(t *testing.T) {
			if r := c.ask(request{Do: "build", Workload: w.Name, Threads: 2}); r.Error != "" {
				t.Fatal(r.Error)
			}
			slow, err := build(w, w.Tiny, "", ref.New())
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Close()
			var losses []float64
			for k := range 3 {
				got := c.ask(request{Do: "step"})
				loss, norm, err := slow.Measure()
				if err != nil || got.Error != "" {
					t.Fatal(err, got.Error)
				}
				if !near(got.Loss, loss, 1e-5) || !near(got.Norm, norm, 1e-4) || loss == 0 {
					t.Errorf("step %d: loss %g, norm %g; on the reference device %g, %g", k, got.Loss, got.Norm, loss, norm)
				}
				losses = append(losses, got.Loss)
			}
			if !w.Forward && !w.Gradients && !(losses[2] < losses[0]) {
				t.Errorf("the loss does not fall: %v", losses)
			}
			if r := c.ask(request{Do: "run", Seconds: 0}); len(r.MS) != 1 || r.MS[0] <= 0 {
				t.Errorf("a turn of no length took %v, want one step", r.MS)
			}
			if w.FLOP(w.Tiny) <= 0 || w.FLOP(w.Full) <= w.FLOP(w.Tiny) {
				t.Errorf("%g FLOP a step, %g when it is tiny", w.FLOP(w.Full), w.FLOP(w.Tiny))
			}
		})
	}
	c.ask(request{Do: "clear"})
	if r := c.ask(request{Do: "run"}); !strings.Contains(r.Error, "not been built") {
		t.Errorf("a run of nothing: %+v", r)
	}
	if r := c.ask(request{Do: "build", Workload: "none"}); !strings.Contains(r.Error, "seq2seq-gru") {
		t.Errorf("the error %q does not list the workloads", r.Error)
	}
}

// PyTorch, where there is one, computes the same in all of its forms.
func TestTorch(t *testing.T) {
	testPeer(t, startTorch, func(w workload) []string { return w.torch })
}

// oneDNN, where it and a compiler are, computes the same.
func TestOneDNN(t *testing.T) {
	testPeer(t, startOneDNN, func(w workload) []string {
		if w.fused {
			return []string{""}
		}
		return nil
	})
}

// onnxruntime, where it is found, writes the same.
func TestONNX(t *testing.T) {
	testPeer(t, startONNX, func(w workload) []string {
		if w.onnx {
			return []string{""}
		}
		return nil
	})
}

// testPeer compares a contender that is no Go with unroll, in all workloads and forms that it has.
func testPeer(t *testing.T, begin func(string, io.Writer) (*process, error), forms func(workload) []string) {
	if !*peers {
		t.Skip("building and starting it may take minutes: -peers")
	}
	folder := t.TempDir()
	peer, err := begin(folder, t.Output())
	if err != nil {
		t.Skip(err)
	}
	defer peer.close()
	c := newClient(t)
	for _, w := range list {
		for _, form := range forms(w) {
			t.Run(w.Name+"/"+form, func(t *testing.T) {
				file := filepath.Join(folder, w.Name)
				if err := write(file, w, w.Tiny); err != nil {
					t.Fatal(err)
				}
				if r := c.ask(request{Do: "build", Workload: w.Name, Threads: 1}); r.Error != "" {
					t.Fatal(r.Error)
				}
				if _, err := peer.ask(request{Do: "build", Workload: w.Name, Form: form, Threads: 1, File: file}); err != nil {
					t.Fatal(err)
				}
				for k := range 3 {
					want, err := peer.ask(request{Do: "step", Form: form})
					if err != nil {
						t.Fatal(err)
					}
					if got := c.ask(request{Do: "step"}); !near(got.Loss, want.Loss, 1e-5) || !near(got.Norm, want.Norm, 1e-4) {
						t.Errorf("step %d: loss %g, norm %g; of %s %g, %g", k, got.Loss, got.Norm, peer.version, want.Loss,
							want.Norm)
					}
				}
			})
		}
	}
}

// A contender that computes something else is found out.
func TestDisagreement(t *testing.T) {
	if near(1, 1.001, agreeAtFirst) || near(math.NaN(), 1, 1) || near(1, math.NaN(), 1) ||
		!near(1, 1.00001, agreeAtFirst) {
		t.Error("near is wrong")
	}
}

func TestTable(t *testing.T) {
	es := []*entry{
		{name: "unroll", turns: []float64{10, 20, 10}, all: []float64{10, 20, 10, 8}, cpu: 40},
		{name: "other", turns: []float64{20, 30, 40}, all: []float64{20, 30, 40, 16}, cpu: 100},
	}
	tab := &table{Workload: "w", Threads: 1, GFLOP: 0.8, Peak: 200, Others: -1}
	tab.fill(es)
	if got, want := *tab.Lines[1].Ratio, (ratio{1.5, 2, 4, 2, 2.5}); got != want {
		t.Errorf("ratios %v, want %v", got, want)
	}
	if l := tab.Lines[0]; l.GFLOPS != 100 || l.Percent != 50 || l.CPU != 10 || l.Median != 10 {
		t.Errorf("unroll's line is %+v", l)
	}
	var out bytes.Buffer
	if err := tab.print(&out); err != nil || !strings.Contains(out.String(), "50%") {
		t.Errorf("printed %v\n%s", err, out.String())
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"--threads", "1,4", "--workloads", "rnn,rows", "--quick"})
	if err != nil || len(o.threads) != 2 || o.threads[1] != 4 || len(o.workloads) != 2 || o.rounds != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][]string{{"--threads", "0"}, {"--workloads", "nothing"}, {"--rounds", "0"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

// A profile lists every instruction of a tape with its time.
func TestProfile(t *testing.T) {
	o := options{threads: []int{1}, profile: t.TempDir(), rounds: 1, sizeOf: tinySize}
	w, err := find("seq2seq-lstm")
	if err != nil {
		t.Fatal(err)
	}
	o.workloads = []workload{w}
	if err := profile(o, io.Discard); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []string {
		data, err := os.ReadFile(filepath.Join(o.profile, w.Name+name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(data), "\n  ")
	}
	count := func(lines []string, word string) (n int) {
		for _, l := range lines {
			if strings.Contains(l, word) {
				n++
			}
		}
		return n
	}
	listing, costs := read(".tape"), read("-1.costs")
	for _, word := range []string{"product ", "loop ", "scatteradd "} {
		if a, b := count(listing, word), count(costs, word); a == 0 || a != b {
			t.Errorf("%d of %q in the listing, %d in the costs", a, word, b)
		}
	}
}
