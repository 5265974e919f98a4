// Command peers measures training steps of unroll beside those of PyTorch, oneDNN and stock Gorgonia: the same
// model, batch, parameters and optimizer, in float32 on the CPU; and models that write, with the same weights, also
// beside onnxruntime.
//
//	go run ./bench/peers --threads 1,2 --workloads lstm,rnn --rounds 7
//
// Contenders take turns, round after round, so that what else the machine does meets all of them alike; what
// counts is the ratio of their times within a round. Before anything is timed, all of them train a few steps
// from the same numbers and must give the same losses and gradients; those that write must write the same. Each runs in a process of its own.
//
// For PyTorch on Debian: apt-get install --no-install-recommends python3-torch libopenblas0-openmp; for the recurrent
// primitives of oneDNN, with which layers alone are compared: g++ libdnnl-dev. For onnxruntime: node, and
// onnxruntime-node from npm in a folder that NODE_PATH names.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/workloads"
)

// options are the command's flags.
type options struct {
	threads   []int
	workloads []workload
	rounds    int
	seconds   float64 // of a contender's turn
	check     bool
	json      bool
	profile   string
	sizeOf    func(workload) workloads.Size
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == contenderArgument {
		exit(serve(os.Stdin, os.Stdout, fullSize))
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
	if o.profile != "" {
		exit(profile(o, os.Stdout))
	}
	exit(compare(o, os.Stdout, os.Stderr))
}

// contenderArgument makes a contender of the command.
const contenderArgument = "contender"

func fullSize(w workload) workloads.Size { return w.Full }

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (o options, err error) {
	o.sizeOf = fullSize
	f := flag.NewFlagSet("peers", flag.ExitOnError)
	threads := f.String("threads", "1,2", "numbers of threads")
	names := f.String("workloads", "", "workloads, with commas between them (all)")
	quick := f.Bool("quick", false, "3 rounds of short turns")
	f.IntVar(&o.rounds, "rounds", 7, "rounds")
	f.Float64Var(&o.seconds, "seconds", 1, "length of a turn")
	f.BoolVar(&o.check, "check", true, "first see that all contenders compute the same")
	f.BoolVar(&o.json, "json", false, "print a JSON object for each line of the tables")
	f.StringVar(&o.profile, "profile", "", "instead of comparing, write tapes and CPU profiles of unroll to this folder")
	f.Parse(args)
	if *quick {
		o.rounds, o.seconds = 3, 0.3
	}
	if o.rounds < 1 {
		return o, errors.Errorf("%d rounds; at least 1 is needed", o.rounds)
	}
	for _, s := range strings.Split(*threads, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, errors.Errorf("%q is not a number of threads", s)
		}
		o.threads = append(o.threads, n)
	}
	if *names == "" {
		o.workloads = list
		return o, nil
	}
	for _, name := range strings.Split(*names, ",") {
		w, err := find(name)
		if err != nil {
			return o, err
		}
		o.workloads = append(o.workloads, w)
	}
	return o, nil
}

// compare measures all workloads with all numbers of threads and prints a table for each.
func compare(o options, out, log io.Writer) error {
	field, err := newField(log)
	if err != nil {
		return err
	}
	defer field.close()
	failed := 0
	for _, w := range o.workloads {
		for _, n := range o.threads {
			t, err := field.measure(w, n, o)
			if err != nil {
				failed++
				fmt.Fprintf(log, "peers: %s: %v\n", w.Name, err)
				continue
			}
			if o.json {
				err = json.NewEncoder(out).Encode(t)
			} else {
				err = t.print(out)
			}
			if err != nil {
				return errors.WithStack(err)
			}
		}
	}
	if failed > 0 {
		return errors.Errorf("%d measurements failed", failed)
	}
	return nil
}
