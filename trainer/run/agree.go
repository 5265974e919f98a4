package run

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
)

// DisagreeError says that the processes that should train together would not train the same.
type DisagreeError struct {
	Rank int    // which is not like rank 0
	What string // in what
}

func (e *DisagreeError) Error() string {
	return fmt.Sprintf("rank %d is not like rank 0: %s", e.Rank, e.What)
}

// identity is what must be the same in all processes before the first step.
type identity struct {
	Version string
	Config  Config
	Files   map[string]string // the SHA-256 of the task's files
	Weights string            // that of the weights
}

// agree makes sure that all processes would train the same.
func (r *training) agree() error {
	if r.world.Size() == 1 {
		return nil
	}
	r.enters("the comparison of settings and data", false)
	mine := identity{Version: version(), Config: *r.config, Files: map[string]string{}}
	if t, ok := r.task.(filed); ok {
		for name, data := range t.Files() {
			mine.Files[name] = sha256Hex(data)
		}
	}
	weights, err := r.task.Params()
	if err != nil {
		return err
	}
	mine.Weights = fmt.Sprintf("%x", sum(weights))
	var first identity
	if err := r.fromFirst(&mine, &first); err != nil {
		return err
	}
	answers, err := r.world.Gather([]byte(first.differs(&mine)))
	if err != nil {
		return err
	}
	for rank, what := range answers {
		if len(what) > 0 {
			return &DisagreeError{rank, string(what)}
		}
	}
	return nil
}

// differs says in what a process is not like rank 0; "" if it is.
func (first *identity) differs(mine *identity) string {
	if first.Version != mine.Version {
		return fmt.Sprintf("another build of the program, %s there, %s here", first.Version, mine.Version)
	}
	if difference, same := first.Config.repeats(mine.Config); !same {
		return difference
	}
	// How long it trains, and the arithmetic: a run may go on with others, its processes may not have several.
	of := func(c *Config) *Config {
		return &Config{Training: c.Training, Running: Running{Precision: c.precision()}}
	}
	if x := of(&first.Config).differs(of(&mine.Config)); x != nil {
		return x.words()
	}
	for _, name := range slices.Sorted(maps.Keys(first.Files)) {
		if a, b := first.Files[name], mine.Files[name]; a != b {
			return fmt.Sprintf("another %s, sha256 %.12s there, %.12s here", name, a, b)
		}
	}
	if first.Weights != mine.Weights {
		return fmt.Sprintf("other weights, sha256 %.12s there, %.12s here", first.Weights, mine.Weights)
	}
	return ""
}

// version tells builds of the program apart.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			v += " " + s.Value
		}
	}
	return v
}
