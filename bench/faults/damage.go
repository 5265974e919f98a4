//go:build linux

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// region is a part of a file of a checkpoint, with the tensor whose data it is, if any.
type region struct {
	name     string
	from, to int // bytes
	tensor   string
}

// regions divides a file of a checkpoint.
func regions(path string) ([]region, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".safetensors") {
		var list []region
		for at := 0; at < len(data); {
			end := at + max(1, strings.IndexByte(string(data[at:])+"\n", '\n')+1)
			list = append(list, region{fmt.Sprintf("line %d", len(list)+1), at, min(end, len(data)), ""})
			at = end
		}
		return list, nil
	}
	n := int(binary.LittleEndian.Uint64(data))
	var header map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(data[8:8+n]), " ")
	list := []region{{"length", 0, 8, ""}, {"header", 8, 8 + len(text), ""}, {"padding", 8 + len(text), 8 + n, ""}}
	for name, t := range header {
		list = append(list, region{"data of " + name, 8 + n + t.Offsets[0], 8 + n + t.Offsets[1], name})
	}
	slices.SortFunc(list, func(a, b region) int { return a.from - b.from })
	return slices.DeleteFunc(list, func(x region) bool { return x.from == x.to }), nil
}

var checkpointFiles = []string{"weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"}

// damage damages every region of every file of a checkpoint, and reads it with the package, and a part of the
// time with the command.
func damage(h *harness, r *record) {
	r.what = "damaged files"
	h.write("text.txt", trial.Rhyme(400))
	if !r.ended(h.unroll(small+" --steps 10 --out run"), 0) {
		return
	}
	commands := 0
	for _, name := range checkpointFiles {
		path := h.path("run/last", name)
		list, err := regions(path)
		good, err2 := os.ReadFile(path)
		if !r.must(errors.Join(err, err2)) {
			return
		}
		try := func(what string, bad []byte, tensor string, byCommand bool) {
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				r.must(err)
				return
			}
			defer os.WriteFile(path, good, 0o644)
			_, err := whole(h.path("run/last"))
			r.check(damageNamed(err, path, tensor), "%s, %s: %v; want file and tensor %q", name, what, err, tensor)
			if byCommand {
				commands++
				words := []string{filepath.Join("run/last", name)}
				if name == "manifest.json" { // what it says of other files may be what does not fit
					words = []string{"run/last/"}
				}
				if tensor != "" {
					words = append(words, fmt.Sprintf("tensor %q", tensor))
				}
				r.ended(h.unroll("eval run --checkpoint last"), exitData, words...)
			}
		}
		flips := 8 // of each region, more of those that hold the numbers
		if h.long {
			flips = 100
		}
		for i, x := range list {
			for k := range flips {
				at := x.from + (x.to-x.from)*k/flips
				bad := slices.Clone(good)
				bad[at] ^= 1 << (k % 8)
				// Of the optimizer's data the command reads nothing but to train.
				byCommand := k == 0 && i%4 == 0 && name != "optimizer.safetensors" && (h.long || i < 8)
				try(fmt.Sprintf("bit %d of byte %d, %s", k%8, at, x.name), bad, x.tensor, byCommand)
			}
			for _, at := range []int{x.from, x.from + 1, (x.from + x.to) / 2, x.to - 1} {
				try(fmt.Sprintf("cut off at byte %d, %s", at, x.name), good[:at], x.tensor,
					at == x.from && i%5 == 1 && (h.long || i < 8))
			}
		}
		try("a byte more", append(slices.Clone(good), 0), "", true)
	}
	r.note("%d of them by unroll eval, too", commands)
}

// damageNamed says whether an error is of damage to a file and, if that is known, of a tensor. A damaged
// manifest may fit to no file.
func damageNamed(err error, path, tensor string) bool {
	var e *checkpoint.CorruptError
	if !errors.As(err, &e) {
		return false
	}
	file := e.File == path || filepath.Base(path) == "manifest.json" && filepath.Dir(e.File) == filepath.Dir(path)
	return file && (tensor == "" || e.Tensor == tensor)
}

// damagedResume damages checkpoints of a run and continues it.
func damagedResume(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	args := strings.Replace(small, "--valid-every 50", "--valid-every 20", 1) + " --checkpoint-every 10 --keep 3 --out "
	r.ended(h.unroll(args+"straight --steps 90"), 0)
	if !r.ended(h.unroll(args+"before --steps 60"), 0) { // last and best of step 60, last-50, last-40
		return
	}
	for i, c := range []struct {
		damaged []string
		to      string // where it goes back to; "" if there is nothing
	}{
		{[]string{"last/weights.safetensors"}, "best, of step 60"},
		{[]string{"last/optimizer.safetensors", "best/state.json"}, "last-50, of step 50"},
		{[]string{"last/state.json", "best/weights.safetensors", "last-50/manifest.json"}, "last-40, of step 40"},
		{[]string{"last/state.json", "best/weights.safetensors", "last-50/manifest.json", "last-40/optimizer.safetensors"}, ""},
	} {
		run := fmt.Sprint("run", i)
		if err := os.CopyFS(h.path(run), os.DirFS(h.path("before"))); !r.must(err) {
			return
		}
		for _, name := range c.damaged {
			data, err := os.ReadFile(h.path(run, name))
			if !r.must(err) {
				return
			}
			data[len(data)*3/4] ^= 16
			r.must(os.WriteFile(h.path(run, name), data, 0o644))
			r.tried--
		}
		r.tried--
		before := h.contents(run)
		o := h.unroll(args + run + " --steps 90")
		for _, name := range c.damaged {
			r.check(strings.Contains(o.stderr, "unroll: skipped a damaged checkpoint: "+filepath.Join(run, name)),
				"%v; %s is damaged, and it says nothing", o, name)
		}
		if c.to == "" {
			r.ended(o, exitData, run+"/")
			r.check(h.contents(run) == before, "the run was changed")
			continue
		}
		r.ended(o, 0)
		r.check(strings.Contains(o.stderr, "unroll: going back to "+filepath.Join(run, c.to)), "%v; want back to %s", o, c.to)
		r.must(h.sameRun("straight", run))
	}
}

// contents is one hash of all files in a folder.
func (h *harness) contents(run string) string {
	sum := sha256.New()
	filepath.WalkDir(h.path(run), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != ".lock" {
			data, _ := os.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n%s\n", path, len(data), data)
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil))
}

// bombs are headers that are legal or nearly so, and cost much to read.
func bombs(h *harness, r *record) {
	r.what = "bombs"
	h.write("text.txt", trial.Rhyme(400))
	if !r.ended(h.unroll(small+" --steps 5 --out run"), 0) {
		return
	}
	r.tried--
	base := h.measured("eval run --checkpoint last --threads 1")
	entry := func(shape, offsets string) string {
		return `{"dtype":"F32","shape":[` + shape + `],"data_offsets":[` + offsets + `]}`
	}
	many := func(n int, format string, args func(i int) []any) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, args(i)...)
		}
		return b.String()
	}
	empty := many(1_670_000, `"t%07d":`+entry("0", "0,0")+",", func(i int) []any { return []any{i} })
	header := func(s string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
	}
	deep := strings.Repeat("[", 20_000_000)
	slowest, longest, largest := time.Duration(0), time.Duration(0), int64(0)
	try := func(name, file string, data []byte) {
		path := h.path("run/last", file)
		good, err := os.ReadFile(path)
		manifest, err2 := os.ReadFile(h.path("run/last/manifest.json"))
		if !r.must(errors.Join(err, err2)) {
			return
		}
		r.tried--
		r.must(os.WriteFile(path, data, 0o644))
		r.tried--
		if file != "manifest.json" {
			r.must(os.WriteFile(h.path("run/last/manifest.json"), honest(manifest, file, data), 0o644))
			r.tried--
		}
		o := h.measured("eval run --checkpoint last --threads 1")
		slowest, longest, largest = max(slowest, o.wall), max(longest, o.cpu), max(largest, o.peak)
		if r.ended(o, exitData, "run/last") {
			r.tried--
			r.check((o.wall < time.Second || busy()) && o.cpu < time.Second && o.peak < 64<<20,
				"%s: %v, %v of it on a processor, and %d MB", name, o.wall, o.cpu, o.peak>>20)
		}
		os.WriteFile(path, good, 0o644)
		os.WriteFile(h.path("run/last/manifest.json"), manifest, 0o644)
	}
	const weights = "weights.safetensors"
	try("1.67 million empty tensors", weights, header("{"+strings.TrimSuffix(empty, ",")+"}"))
	try("a header of 100 MB of spaces", weights, header("{"+strings.Repeat(" ", 99_999_998)+"}"))
	try("a header of 2⁶⁴-1 bytes", weights, binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	try("a header that is longer than the file", weights, binary.LittleEndian.AppendUint64(nil, 90_000_000))
	try("20 million brackets", weights, header(`{"a":`+deep))
	try("a name of 50 MB", weights, header(`{"`+strings.Repeat("x", 50_000_000)+`":`+entry("1", "0,4")+"}"))
	try("a shape of 10 million numbers", weights,
		header(`{"a":`+entry(strings.TrimSuffix(strings.Repeat("1,", 10_000_000), ","), "0,4")+"}"))
	try("metadata of 50 MB", weights, header(`{"__metadata__":{"a":"`+strings.Repeat("x", 400)+`"`+
		many(120_000, `,"%d":"`+strings.Repeat("y", 400)+`"`, func(i int) []any { return []any{i} })+`}}`))
	try("a shape that overflows", weights, header(`{"a":`+entry("4294967296,4294967296,4", "0,0")+"}"))
	try("offsets that overflow", weights, header(`{"a":`+entry("1", "9223372036854775804,9223372036854775808")+"}"))
	try("a terabyte that is not there", weights, header(`{"a":`+entry("274877906944", "0,1099511627776")+"}"))
	try("a tensor twice", weights, append(header(`{"a":`+entry("1", "0,4")+`,"a":`+entry("1", "0,4")+`}`), 0, 0, 0, 0))
	try("tensors that overlap", weights, append(header(`{"a":`+entry("2", "0,8")+`,"b":`+entry("2", "4,12")+`}`),
		make([]byte, 12)...))
	try("a gap between tensors", weights, append(header(`{"a":`+entry("1", "0,4")+`,"b":`+entry("1", "8,12")+`}`),
		make([]byte, 12)...))
	try("a state of 64 MB", "state.json", []byte(strings.Repeat(" ", 64<<20)))
	try("a deep state", "state.json", []byte(deep[:15<<20]))
	try("a manifest of 64 MB", "manifest.json", []byte(strings.Repeat(" ", 64<<20)))
	try("a deep manifest", "manifest.json", []byte(deep[:15<<20]))
	try("a manifest of a million files", "manifest.json", []byte(`{"format":"unroll-checkpoint-1","files":{`+
		strings.TrimSuffix(many(100_000, `"%d":{"bytes":1,"sha256":""},`, func(i int) []any { return []any{i} }), ",")+"}}"))
	r.note("at most %.2f s, %.2f s of it on a processor, and %d MB; a whole checkpoint takes %.2f s and %d MB",
		slowest.Seconds(), longest.Seconds(), largest>>20, base.wall.Seconds(), base.peak>>20)
	if busy() {
		r.note("the machine was busy")
	}
}

// honest is a manifest that says of a file what it now is.
func honest(manifest []byte, name string, data []byte) []byte {
	lines := strings.Split(string(manifest), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), `"`+name+`":`) })
	sum := sha256.Sum256(data)
	comma := ""
	if strings.HasSuffix(lines[at+2], ",") {
		comma = ","
	}
	lines[at+1] = fmt.Sprintf(`      "bytes": %d,`, len(data))
	lines[at+2] = fmt.Sprintf(`      "sha256": "%s"%s`, hex.EncodeToString(sum[:]), comma)
	// Without a checksum of its own, as older ones are: else nothing would be looked at but that.
	if crc := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `"crc32c"`) }); crc > 0 {
		lines = slices.Delete(lines, crc, crc+1)
		lines[crc-1] = strings.TrimSuffix(lines[crc-1], ",")
	}
	return []byte(strings.Join(lines, "\n"))
}

var firstBad = regexp.MustCompile(`the loss is not finite|the validation loss is NaN|the gradient of \S+ is not finite|of tensor "\S+" is not finite`)

// divergence trains with a rate at which the numbers soon end.
func divergence(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	for i, c := range []string{
		" --cell lstm --lr 1e38 --clip 0 --steps 1000",
		" --optimizer sgd --lr 3e38 --clip 0 --steps 1000",
		" --optimizer sgd --lr 1e38 --clip 0 --steps 1000 --checkpoint-every 1",
		" --lr 1e38 --clip 0 --steps 1000 --valid-every 1 --json",
	} {
		run := fmt.Sprint("run", i)
		o := h.unroll(strings.Replace(small, " --valid-every 50", "", 1) + c + " --out " + run)
		words := []string{"diverged at step ", "the norm of the gradient ", "try a smaller --lr"}
		if strings.Contains(c, "--valid-every 1") { // the weights are finite, and the loss that is measured with them is not
			words = []string{"diverged at step 1: the validation loss is NaN", "try a smaller --lr"}
		}
		if r.ended(o, exitDiverged, words...) {
			r.check(firstBad.MatchString(o.last()), "%v; want what is not finite, the loss or the gradient of a tensor", o)
		}
		for _, name := range []string{"last", "best"} {
			dir := h.path(run, name)
			if !trial.Exists(dir) {
				continue
			}
			r.must(finite(dir))
		}
		for _, line := range strings.Split(strings.TrimSpace(o.stdout), "\n") {
			if strings.Contains(c, "--json") {
				r.check(json.Valid([]byte(line)), "no JSON: %s", line)
			}
		}
		log, err := os.ReadFile(h.path(run, "log.jsonl"))
		r.must(err)
		for _, line := range strings.Split(strings.TrimSpace(string(log)), "\n") {
			if !json.Valid([]byte(line)) {
				r.check(false, "no JSON: %s", line)
			}
		}
		r.check(strings.Contains(string(log), `"event":"diverged"`), "the log does not tell of it")
	}
}

// finite says whether a checkpoint is whole, and all of its numbers are finite.
func finite(dir string) error {
	f, err := checkpoint.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, read := range []func() ([]checkpoint.Tensor, error){f.Weights, f.Optimizer} {
		tensors, err := read()
		if err != nil {
			return err
		}
		if name, i, bad := checkpoint.FirstNotFinite(tensors); bad {
			return fmt.Errorf("%s: element %d of tensor %q is not finite", dir, i, name)
		}
	}
	return nil
}
