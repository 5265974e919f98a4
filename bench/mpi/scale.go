//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"
)

// scaled is the training whose speed is measured, in two parts: for each process one thread.
const scaled = "--cell lstm --hidden 256 --layers 2 --batch 32 --seq 32 --steps 60 --valid-every 1000 --accumulate 2"

// settled is how many steps come before those that are measured.
const settled = 10

// scale trains alone, with one process under the launcher, and with two, in turns, and says how their speeds compare.
func (h *harness) scale() error {
	tasks["scaled"] = "lm " + scaled
	kinds := []string{"1 process", "1 process --mpi", "2 processes --mpi"}
	speeds := make([][]float64, len(kinds))
	for round := range h.rounds {
		for k := range kinds {
			dir := filepath.Join(h.work, fmt.Sprint("scale", round, "-", k))
			args, err := h.command(dir, "scaled", ""), error(nil)
			if k == 0 {
				err = h.alone(args)
			} else {
				err = h.finish(k, args)
			}
			if err != nil {
				return err
			}
			speed, err := speed(dir)
			if err != nil {
				return err
			}
			speeds[k] = append(speeds[k], speed)
			fmt.Printf("round %d  %-18s %8.0f tokens/s\n", round+1, kinds[k], speed)
		}
	}
	for k := 1; k < len(kinds); k++ {
		ratios := make([]float64, h.rounds)
		for i := range ratios {
			ratios[i] = speeds[k][i] / speeds[0][i]
		}
		slices.Sort(ratios)
		fmt.Printf("%s beside %s: %.3f times as fast (median of %d rounds; %.3f to %.3f)\n", kinds[k], kinds[0],
			ratios[len(ratios)/2], len(ratios), ratios[0], ratios[len(ratios)-1])
	}
	return nil
}

// speed is how many tokens a second a run has read in its steps after the first ones.
func speed(run string) (float64, error) {
	log, err := os.ReadFile(filepath.Join(run, "log.jsonl"))
	if err != nil {
		return 0, errors.WithStack(err)
	}
	steps, time := 0, 0.0 // per token
	for line := range bytes.Lines(log) {
		var r struct {
			Event string
			Step  int
			Speed float64 `json:"tokens_per_second"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return 0, errors.Wrap(err, run)
		}
		if r.Event == "step" && r.Step > settled {
			steps, time = steps+1, time+1/r.Speed
		}
	}
	if steps == 0 {
		return 0, errors.Errorf("%s has no steps after the %d first ones", run, settled)
	}
	return float64(steps) / time, nil
}
