package ref_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// What tape.Verify lets through runs without a panic: instructions with random fields, many of them malformed.
func TestVerifiedTapesRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []tape.Instr{
		&tape.Product{}, &tape.Map{}, &tape.Reduce{}, &tape.Rows{}, &tape.Gather{}, &tape.ScatterAdd{}, &tape.Put{},
		&tape.Random{}, &tape.Copy{}, &tape.Host{}, &tape.AllReduce{},
	} {
		verified := 0
		for range 20000 {
			in := reflect.New(reflect.TypeOf(kind).Elem())
			randomise(rng, in.Elem())
			if m, ok := in.Interface().(*tape.Map); ok { // which is hardly ever well formed by chance alone
				for _, ops := range [][]tape.Operand{m.In, m.Out} {
					for i := range ops {
						ops[i].Strides = ops[i].Strides[:len(m.Shape)]
					}
				}
				m.Result = m.Result[:len(m.Out)]
			}
			tp := &tape.Tape{Float: tape.Float32, Arena: 8 * 128}
			for i := range 8 { // each half over the next
				tp.Buffers = append(tp.Buffers, tape.Buffer{Dtype: []tape.Dtype{tape.Float32, tape.Int32}[i/4], Len: 32 - i%2,
					Offset: int64(64 * i)})
			}
			tp.Code = []tape.Instr{&tape.Loop{Trip: rng.IntN(3), Body: []tape.Instr{in.Interface().(tape.Instr)}}}
			if tape.Verify(tp) != nil {
				continue
			}
			verified++
			run(t, tp)
		}
		if verified < 100 {
			t.Errorf("%T: only %d of the tapes are well formed", kind, verified)
		}
	}
}

func run(t *testing.T, tp *tape.Tape) {
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v\n%v", r, tp)
		}
	}()
	p, err := ref.New(ref.Poison()).Load(tp)
	if err != nil {
		t.Fatal(err)
	}
	if err, ie := p.Run(), (*tape.IndexError)(nil); err != nil && !errors.As(err, &ie) {
		t.Fatal(err)
	}
}

// randomise fills a value with small numbers, some of them nonsense.
func randomise(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Int:
		n := rng.IntN(4)
		switch rng.IntN(40) {
		case 0:
			n = -n
		case 1:
			n = 1 << (20 + rng.IntN(43))
		}
		v.SetInt(int64(n))
	case reflect.Uint8: // a kind or a function
		v.SetUint(uint64(rng.IntN(34)))
		if v.Type() != reflect.TypeFor[tape.Fn]() {
			v.SetUint(uint64(rng.IntN(8)))
		}
	case reflect.Uint32:
		v.SetUint(uint64(rng.Uint32()))
	case reflect.Float64:
		v.SetFloat(rng.Float64())
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.String:
		v.SetString("f")
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value {
			return []reflect.Value{reflect.Zero(reflect.TypeFor[error]())}
		}))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rng.IntN(3), 3))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			randomise(rng, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			randomise(rng, v.Field(i))
		}
		if r, ok := v.Addr().Interface().(*tape.Ref); ok {
			r.Buf = tape.BufferID(rng.IntN(8))
			r.Step = r.Step[:min(len(r.Step), 1)]
		}
	}
}

// A value that is read before it is written shows on the poisoned device, an input or a state does not.
func TestPoison(t *testing.T) {
	at := func(b tape.BufferID) tape.Operand { return tape.Operand{Ref: tape.Ref{Buf: b}, Strides: []int{1}} }
	id := []tape.Op{{Fn: tape.Id}}
	tp := &tape.Tape{
		Float: tape.Float32, Arena: 5 * 64,
		Buffers: []tape.Buffer{
			{Dtype: tape.Float32, Len: 2}, {Dtype: tape.Float32, Len: 2, Offset: 64}, {Dtype: tape.Int32, Len: 2, Offset: 128},
			{Dtype: tape.Float32, Len: 2, Offset: 192}, {Dtype: tape.Float32, Len: 2, Offset: 256},
		},
		Slots: []tape.Slot{
			{Name: "s", Kind: tape.State, Shape: []int{2}, Buf: 0}, {Name: "fromFloat", Kind: tape.Output, Shape: []int{2}, Buf: 3},
			{Name: "fromInt", Kind: tape.Output, Shape: []int{2}, Buf: 4},
		},
		Code: []tape.Instr{
			&tape.Map{Shape: []int{2}, In: []tape.Operand{at(0), at(1)}, Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2}, Out: []tape.Operand{at(3)}},
			&tape.Map{Shape: []int{2}, In: []tape.Operand{at(2)}, Code: id, Result: []int{1}, Out: []tape.Operand{at(4)}},
		},
	}
	p, err := ref.New(ref.Poison()).Load(tp)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	s, fromFloat, fromInt := make([]float32, 2), make([]float32, 2), make([]float32, 2)
	for slot, data := range [][]float32{s, fromFloat, fromInt} {
		if err := p.Read(tape.SlotID(slot), data); err != nil {
			t.Fatal(err)
		}
	}
	if s[0] != 0 || s[1] != 0 {
		t.Errorf("the state is %v, want 0", s)
	}
	if fromFloat[0] == fromFloat[0] || fromFloat[1] == fromFloat[1] {
		t.Errorf("uninitialised floats give %v, want NaN", fromFloat)
	}
	if fromInt[0] != math.MaxInt32 || fromInt[1] != math.MaxInt32 {
		t.Errorf("uninitialised integers give %v, want %v", fromInt, math.MaxInt32)
	}
}

func TestLoadRefusesNonsense(t *testing.T) {
	if _, err := ref.New().Load(&tape.Tape{Arena: 1 << 50}); err == nil {
		t.Error("an arena of 2⁵⁰ bytes is no error")
	}
}
