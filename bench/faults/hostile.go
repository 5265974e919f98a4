//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// What a command may take that is given a folder of somebody else.
const (
	hostileMemory = 1 << 30 // bytes
	hostileSpace  = 4 << 30 // bytes of addresses, so that a mistake does not take the machine down
	hostileTime   = 5 * time.Second
)

const precious = "years of work"

// obstacles are what may lie in the place of a file. elsewhere is a file of a bystander.
var obstacles = []struct {
	name string
	put  func(elsewhere, path string) error
}{
	{"a pipe", func(_, path string) error { return syscall.Mkfifo(path, 0o666) }},
	{"a folder", func(_, path string) error { return os.Mkdir(path, 0o777) }},
	{"a link to a device", func(_, path string) error { return os.Symlink("/dev/zero", path) }},
	{"a link to nothing", func(elsewhere, path string) error { return os.Symlink(elsewhere+"-none", path) }},
	{"a link to a file", os.Symlink},
	{"a hard link", os.Link},
	{"a sparse file of 5 GB", func(_, path string) error {
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		return os.Truncate(path, 5<<30)
	}},
}

// hostile is a run that is damaged anew for each try, beside a bystander's file.
type hostile struct {
	h *harness
	r *record
}

// try prepares a copy of the run, and checks how a command ends that is given it.
func (x *hostile) try(what, args string, code int, prepare func(run string) error) {
	h, r := x.h, x.r
	run, elsewhere := h.path("run"), h.path("else")
	for _, dir := range []string{run, elsewhere} {
		if err := os.RemoveAll(dir); err != nil {
			r.must(err)
			return
		}
	}
	h.write("else/precious.txt", precious)
	err := os.CopyFS(run, os.DirFS(h.path("good")))
	if err == nil {
		err = prepare(run)
	}
	if err != nil {
		r.check(false, "%s: %v", what, err)
		return
	}
	o := h.limited(args, hostileSpace)
	if o.code != code || strings.Count(o.stderr, "\n") != 1 && code != 0 || strings.Contains(o.stderr, "goroutine ") {
		r.check(false, "%s: %v; want one line and exit code %d", what, o, code)
		return
	}
	data, err := os.ReadFile(filepath.Join(elsewhere, "precious.txt"))
	entries, err2 := os.ReadDir(elsewhere)
	if err != nil || err2 != nil || string(data) != precious || len(entries) != 1 {
		r.check(false, "%s: a bystander's file is %.40q now, beside %v", what, data, entries)
		return
	}
	r.check((o.wall < hostileTime || busy()) && o.peak < hostileMemory, "%s: %v and %d MB", what, o.wall, o.peak>>20)
}

// hostileRuns gives commands run folders of which files are not what they seem, or say what cannot be.
func hostileRuns(h *harness, r *record) {
	r.what = "commands"
	h.write("text.txt", trial.Rhyme(400))
	train := small + " --steps 4 --out run"
	if !r.ended(h.unroll(strings.Replace(train, "--out run", "--out good", 1)), 0) {
		return
	}
	x := &hostile{h, r}
	elsewhere := h.path("else/precious.txt")
	const eval = "eval run --threads 1"
	longer := strings.Replace(train, "--steps 4", "--steps 6", 1)
	for _, o := range obstacles {
		for _, name := range []string{"config.yaml", "vocab.json", "best/manifest.json", "best/weights.safetensors",
			"best/optimizer.safetensors", "best/state.json"} {
			x.try(name+" is "+o.name, eval, exitData, x.instead(name, func(path string) error { return o.put(elsewhere, path) }))
		}
		if strings.HasPrefix(o.name, "a sparse") {
			continue // it could be ours
		}
		for _, name := range []string{".lock", "log.jsonl"} {
			put := x.instead(name, func(path string) error { return o.put(elsewhere, path) })
			x.try(name+" is "+o.name, longer, exitNoOutput, put)
			x.try(name+" is "+o.name+", where there is no run", longer, exitNoOutput, func(run string) error {
				if err := os.Remove(filepath.Join(run, "config.yaml")); err != nil {
					return err
				}
				return put(run)
			})
		}
	}
	x.numbers(eval)
	x.states(eval, longer)
	foreign := []string{"best-1", "best-100", "last-3", "last-2024", "labels.json", "events.out.tfevents.other",
		".config.yaml.tmp-x"}
	for _, args := range []string{longer, train + " --overwrite"} {
		x.try("folders of a person", args, 0, func(run string) error {
			for _, name := range foreign {
				h.write(filepath.Join("run", name, "precious.txt"), precious)
			}
			return nil
		})
		for _, name := range foreign {
			data, err := os.ReadFile(h.path("run", name, "precious.txt"))
			r.check(err == nil && string(data) == precious, "%s is gone after %s: %v", name, args, err)
		}
	}
}

// instead puts something in the place of a file of the run.
func (x *hostile) instead(name string, put func(path string) error) func(run string) error {
	return func(run string) error {
		path := filepath.Join(run, name)
		if err := os.Remove(path); err != nil {
			return err
		}
		return put(path)
	}
}

var yamlNumber = regexp.MustCompile(`(?m)^( +)([a-z_]+): ([0-9.]+)$`)

// numbers says of each number of config.yaml what it cannot be.
func (x *hostile) numbers(eval string) {
	config, err := os.ReadFile(x.h.path("good/config.yaml"))
	if !x.r.must(err) {
		return
	}
	for i, m := range yamlNumber.FindAllStringSubmatchIndex(string(config), -1) {
		key := string(config[m[4]:m[5]])
		values := []string{".nan", ".inf", "-.inf", "1e300", "-4e18"}
		if key == "seed" { // it may be anything that is an integer
			values = values[:3]
		}
		value := values[i%len(values)]
		x.try(key+": "+value, eval, exitData, func(run string) error {
			return os.WriteFile(filepath.Join(run, "config.yaml"),
				[]byte(string(config[:m[6]])+value+string(config[m[7]:])), 0o666)
		})
	}
	for what, more := range map[string]string{
		"an input that wraps around": "model:\n    input: -4000000000000000000",
		"a huge model":               "model:\n    input: 1000000000",
	} {
		x.try(what, eval, exitData, func(run string) error {
			return os.WriteFile(filepath.Join(run, "config.yaml"),
				[]byte(strings.Replace(string(config), "model:", more, 1)), 0o666)
		})
	}
	for what, text := range map[string]string{
		"40,000 unknown keys": func() string {
			var b strings.Builder
			for i := range 40_000 {
				fmt.Fprintf(&b, "k%d: 1\n", i)
			}
			return b.String()
		}(),
		"4,000 layers":  strings.Replace(string(config), "layers: 1", "layers: 4000", 1),
		"hidden 15,000": regexp.MustCompile(`hidden: \d+`).ReplaceAllString(string(config), "hidden: 15000"),
	} {
		x.try(what, eval, exitData, func(run string) error {
			return os.WriteFile(filepath.Join(run, "config.yaml"), []byte(text), 0o666)
		})
	}
	for what, path := range map[string]string{
		"a device for a text": "/dev/zero",
		"a pipe for a text":   x.h.path("run/pipe"),
	} {
		x.try(what, eval, exitData, func(run string) error {
			text := regexp.MustCompile(`text: \S+`).ReplaceAllString(string(config), "text: "+path)
			if err := os.WriteFile(filepath.Join(run, "config.yaml"), []byte(text), 0o666); err != nil {
				return err
			}
			return syscall.Mkfifo(filepath.Join(run, "pipe"), 0o666)
		})
	}
}

// states gives checkpoints, whose checksums are right, numbers that no training has.
func (x *hostile) states(eval, train string) {
	for _, value := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, name := range []string{"best", "last"} {
			args := strings.Replace(eval, "run", "run --checkpoint "+name, 1)
			x.try(fmt.Sprintf("%s has a weight of %g", name, value), args, exitData, func(run string) error {
				return rewritten(filepath.Join(run, name), func(c *checkpoint.Contents, _ map[string]any) {
					c.Weights[0].Data.([]float32)[1] = value
				})
			})
		}
	}
	for key, values := range map[string][]any{
		"step": {-3, math.MinInt64, math.MaxInt64, 3}, "best_step": {-1, math.MaxInt64}, "worse": {-1},
		"skipped": {math.MaxInt64}, "seconds": {-1},
	} {
		for _, value := range values {
			what := fmt.Sprintf("%s of %v in a state", key, value)
			x.try(what, eval, exitData, func(run string) error {
				return rewritten(filepath.Join(run, "best"),
					func(_ *checkpoint.Contents, state map[string]any) { state[key] = value })
			})
		}
	}
}

// rewritten changes a checkpoint and writes it with right checksums.
func rewritten(dir string, change func(c *checkpoint.Contents, state map[string]any)) error {
	f, err := checkpoint.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	c := checkpoint.Contents{Step: f.Step()}
	if c.Weights, err = f.Weights(); err != nil {
		return err
	}
	if c.Optimizer, err = f.Optimizer(); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		return err
	}
	state, order, err := ordered(text)
	if err != nil {
		return err
	}
	change(&c, state)
	c.State = inOrder{state, order}
	in, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer in.Close()
	return checkpoint.In(in).Save(filepath.Base(dir), 1, c)
}

// inOrder is a JSON object whose keys keep their order.
type inOrder struct {
	values map[string]any
	keys   []string
}

// ordered reads an object, with its keys as they come.
func ordered(text []byte) (values map[string]any, keys []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, nil, err
	}
	for key := range values {
		keys = append(keys, key)
	}
	at := func(key string) int { return bytes.Index(text, []byte(`"`+key+`":`)) }
	slices.SortFunc(keys, func(a, b string) int { return at(a) - at(b) })
	return values, keys, nil
}

// MarshalJSON writes the keys in their order.
func (o inOrder) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(o.values[key])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
