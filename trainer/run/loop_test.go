package run

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/device"
)

// counter is a task of a program's own: its only weight counts the steps. Its loss is 1/step, and NaN at some steps.
type counter struct {
	config    Config
	steps     []float32
	bad       map[int]bool
	validated int
}

func newCounter(steps int, bad ...int) *counter {
	c := &counter{config: Defaults(TaskOwn), steps: []float32{0}, bad: map[int]bool{}}
	c.config.Training.Epochs, c.config.Training.Steps, c.config.Training.LR = 0, steps, 0.5
	for _, b := range bad {
		c.bad[b] = true
	}
	return c
}

func (c *counter) Config() *Config { return &c.config }
func (c *counter) Epoch() int      { return 4 }
func (c *counter) Device() string  { return "none" }
func (c *counter) Close() error    { return nil }

func (c *counter) Params() ([]checkpoint.Tensor, error) {
	return []checkpoint.Tensor{{Name: "steps", Shape: []int{1}, Data: []float32{c.steps[0]}}}, nil
}
func (c *counter) TrainState() ([]checkpoint.Tensor, error)           { return nil, nil }
func (c *counter) NonFinite() (what string, overflow bool, err error) { return "the loss", false, nil }

func (c *counter) Load(weights, _ []checkpoint.Tensor) error {
	c.steps = weights[0].Data.([]float32)
	return nil
}

func (c *counter) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if float32(before) != c.steps[0] {
		return 0, 0, 0, fmt.Errorf("step %d of a model that has taken %g", before, c.steps[0])
	}
	c.steps[0]++
	if c.bad[before+1] {
		return math.NaN(), 1, 1, nil
	}
	return 1 / float64(before+1), 2, 3, nil
}

func (c *counter) Validate(ctx context.Context) (Metrics, error) {
	c.validated++
	return Metrics{Loss: 1 / float64(c.steps[0])}, ctx.Err()
}

// Steps that are not finite end a run if so many come in a row, and not if they are scattered.
func TestSkippedInARow(t *testing.T) {
	for _, c := range []struct {
		bad  []int
		ends int // 0: it does not
	}{
		{[]int{3, 5, 7, 9, 11}, 0},
		{[]int{3, 5, 6, 9, 10, 12}, 0},
		{[]int{3, 5, 6, 7}, 7},
	} {
		task := newCounter(14, c.bad...)
		task.config.Training.MaxSkipped = 3
		end, err := Train(context.Background(), filepath.Join(t.TempDir(), "run"), task, Options{})
		var diverged *DivergedError
		switch {
		case c.ends == 0 && (err != nil || end.Step != 14):
			t.Errorf("%v: %+v, %v", c.bad, end, err)
		case c.ends > 0 && (!errors.As(err, &diverged) || diverged.Step != c.ends || diverged.BestStep != 4):
			t.Errorf("%v: %+v, %v", c.bad, diverged, err)
		}
	}
}

// A run that goes on has not forgotten the steps that were left out; how many may be is what it is told now.
func TestSkippedBeforeResume(t *testing.T) {
	for most, ends := range map[int]int{3: 7, 4: 0} {
		dir := filepath.Join(t.TempDir(), "run")
		task := newCounter(12, 5, 6, 7)
		task.config.Training.MaxSkipped = 10
		ctx, cancel := context.WithCancel(context.Background())
		if _, err := Train(ctx, dir, &cancelling{task, 6, cancel}, Options{}); !errors.As(err, new(*StoppedError)) {
			t.Fatal(err)
		}
		task = newCounter(12, 5, 6, 7)
		task.config.Training.MaxSkipped = most
		_, err := Train(context.Background(), dir, task, Options{})
		var diverged *DivergedError
		if errors.As(err, &diverged) != (ends > 0) || ends > 0 && diverged.Step != ends || ends == 0 && err != nil {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}

// A validation that is not finite ends the run: it is never the best, and is no validation of the log.
func TestValidationNotFinite(t *testing.T) {
	for _, loss := range []float64{math.NaN(), math.Inf(-1)} {
		for _, first := range []bool{false, true} {
			dir := filepath.Join(t.TempDir(), "run")
			task := &diverging{newCounter(12), loss, first}
			end, err := Train(context.Background(), dir, task, Options{})
			wantStep, wantBest, wantLoss := 8, 4, 0.25
			if first {
				wantStep, wantBest, wantLoss = 4, 0, math.NaN()
			}
			var diverged *DivergedError
			if !errors.As(err, &diverged) || diverged.Step != wantStep || diverged.BestStep != wantBest {
				t.Errorf("%g: %+v, %v", loss, diverged, err)
			}
			if end.BestStep != wantBest || end.BestLoss != wantLoss && !(math.IsNaN(end.BestLoss) && first) {
				t.Errorf("%g: %+v", loss, end)
			}
			if _, err := os.Stat(filepath.Join(dir, Best)); first != os.IsNotExist(err) {
				t.Errorf("%g, at the first validation %v: %v", loss, first, err)
			} else if !first && tensorsOf(t, dir, Best)[0].Data.([]float32)[0] != 4 {
				t.Errorf("%g: the best checkpoint is another", loss)
			}
			a, err := ReadAccount(dir)
			if err != nil {
				t.Fatal(err)
			}
			if value, step, ok := a.Best(LossScore); a.State != StateDiverged || ok == first || !first && (value != 0.25 || step != 4) {
				t.Errorf("%g: %s, the best %g after %d", loss, a.State, value, step)
			}
		}
	}
}

// diverging is a counter whose second validation in the loop, or first, is not finite.
type diverging struct {
	*counter
	loss  float64
	first bool
}

func (d *diverging) Validate(ctx context.Context) (Metrics, error) {
	m, err := d.counter.Validate(ctx)
	if d.steps[0] == 8 || d.first && d.steps[0] == 4 {
		m.Loss = d.loss
	}
	return m, err
}

// A run that was stopped goes on where it was, in a folder that says what is wrong otherwise.
func TestTrainErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Train(ctx, dir, newCounter(6), Options{})
	var stopped *StoppedError
	if !errors.As(err, &stopped) || stopped.Step != 1 || !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	other := newCounter(6)
	other.config.Training.LR = 1
	_, err = Train(context.Background(), dir, other, Options{})
	var settings *OtherSettingsError
	if !errors.As(err, &settings) || settings.Difference != "lr: 0.5 there, lr: 1 here" {
		t.Errorf("%v", err)
	}
	end, err := Train(context.Background(), dir, newCounter(6), Options{})
	if err != nil || end.Step != 6 || end.BestStep != 6 || math.Abs(end.BestLoss-1./6) > 1e-7 {
		t.Errorf("%+v, %v", end, err)
	}
	_, err = Train(context.Background(), dir, newCounter(6), Options{})
	var finished *FinishedError
	if !errors.As(err, &finished) {
		t.Errorf("%v", err)
	}
	if _, err := Train(context.Background(), dir, newCounter(6), Options{Overwrite: true}); err != nil {
		t.Error(err)
	}
	wrong := newCounter(6)
	wrong.config.Training.MaxSkipped = 0
	var setting *SettingsError
	if _, err := Train(context.Background(), filepath.Join(t.TempDir(), "run"), wrong, Options{}); !errors.As(err,
		&setting) {
		t.Errorf("%v", err)
	}
	held, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	var locked *LockedError
	if _, err := Train(context.Background(), dir, newCounter(8), Options{}); !errors.As(err, &locked) {
		t.Errorf("%v", err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var task *TaskError
	if _, err := r.Translator(); !errors.As(err, &task) || task.Task != TaskOwn {
		t.Errorf("%v", err)
	}
	user := newCounter(0)
	if at, err := r.Load(user); err != nil || at.Step != 6 || user.steps[0] != 6 {
		t.Errorf("%+v, %v, %v", at, user.steps, err)
	}
	var none *NotARunError
	if _, err := Open(t.TempDir()); !errors.As(err, &none) {
		t.Errorf("%v", err)
	}
}

// TensorBoard's file has every number of the log that is for it, at its step.
func TestTensorBoard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Train(context.Background(), dir, newCounter(6), Options{TensorBoard: true}); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{} // by step and tag
	data, err := os.ReadFile(filepath.Join(dir, LogName))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"loss", "grad_norm", "lr", "tokens_per_second", "valid_loss"} {
			if x, ok := o[tag].(float64); ok {
				want[fmt.Sprint(o["step"], " ", tag)] = x
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	got := scalars(t, files[0])
	if len(want) != 6*4+2 || len(got) != len(want) {
		t.Errorf("%d numbers in the log, %d in the file", len(want), len(got))
	}
	for at, x := range want {
		if y, ok := got[at]; !ok || math.Abs(y-x) > 1e-6*math.Abs(x) {
			t.Errorf("step and tag %s: %v, want %v", at, y, x)
		}
	}
}

// scalars are the numbers of a file of TensorBoard's, by step and tag.
func scalars(t *testing.T, path string) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data)
		event := data[12 : 12+n] // after the length and its checksum
		data = data[12+n+4:]
		step, summary := uint64(0), []byte(nil)
		fields(t, event, func(number protowire.Number, value uint64, bytes []byte) {
			switch number {
			case 2:
				step = value
			case 5:
				summary = bytes
			}
		})
		fields(t, summary, func(_ protowire.Number, _ uint64, value []byte) {
			var tag string
			var x float64
			fields(t, value, func(number protowire.Number, value uint64, bytes []byte) {
				if number == 1 {
					tag = string(bytes)
				} else {
					x = float64(math.Float32frombits(uint32(value)))
				}
			})
			found[fmt.Sprint(step, " ", tag)] = x
		})
	}
	return found
}

// fields calls f for each field of a message: with its number or with its bytes.
func fields(t *testing.T, message []byte, f func(number protowire.Number, value uint64, bytes []byte)) {
	t.Helper()
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			t.Fatal("not a message")
		}
		message = message[n:]
		var value uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			value = uint64(v)
		case protowire.Fixed64Type:
			value, n = protowire.ConsumeFixed64(message)
		default:
			bytes, n = protowire.ConsumeBytes(message)
		}
		if n < 0 {
			t.Fatal("not a field")
		}
		f(number, value, bytes)
		message = message[n:]
	}
}

// A run may go on with another precision, which is said: its bits are no longer those of a run in one piece.
func TestOtherPrecision(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		steps     int
		precision string
		want      string
	}{
		{4, device.BF16, ""},
		{8, device.BF16, ""},
		{12, "", "`precision` was bf16 until step 8, and is fp32 from here on"},
		{16, device.FP32, ""},
	} {
		task, said := newCounter(c.steps), &noticed{}
		task.config.Running.Precision = c.precision
		if _, err := Train(context.Background(), dir, task, Options{Report: said}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(said.notices, "\n"); got != c.want {
			t.Errorf("after step %d: %q, want %q", c.steps, got, c.want)
		}
	}
}

// swapper does something before a step, such as to put a link in the place of a file.
type swapper struct {
	*counter
	before int
	swap   func()
}

func (s *swapper) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if before == s.before {
		s.swap()
	}
	return s.counter.Step(before, rate)
}
