package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pkg/errors"
	"pgregory.net/rapid"
)

// file is a safetensors file with the given header, and data zero bytes.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func read(b []byte) ([]Tensor, error) { return ReadTensors(bytes.NewReader(b), int64(len(b))) }

// The bytes of a small file, by hand from the format's description.
func TestWriteTensorsBytes(t *testing.T) {
	var b bytes.Buffer
	err := WriteTensors(&b, []Tensor{
		{Name: "b\"", Shape: []int{2}, Data: []int32{1, -1}},
		{Name: "a", Shape: nil, Data: []float32{1.5}},
		{Name: "z", Shape: []int{1, 1}, Data: []float64{-2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"z":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"b\"":{"dtype":"I32","shape":[2],"data_offsets":[12,20]}}`
	header += strings.Repeat(" ", -len(header)&7)
	want := string(file(header, 0)) +
		"\x00\x00\x00\x00\x00\x00\x00\xc0" + "\x00\x00\xc0\x3f" + "\x01\x00\x00\x00" + "\xff\xff\xff\xff"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTensorsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		valid := func(s string) bool { return strings.ToValidUTF8(s, "") == s }
		names := rapid.SliceOfNDistinct(rapid.StringN(1, 20, 100).Filter(valid), 0, 5, rapid.ID).Draw(t, "names")
		var tensors []Tensor
		for _, name := range names {
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n64, _ := product(shape)
			n := int(n64)
			var data any
			switch rapid.IntRange(0, 3).Draw(t, "dtype") {
			case 0:
				data = rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "data")
			case 1:
				data = rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "data")
			case 2:
				data = rapid.SliceOfN(rapid.Int32(), n, n).Draw(t, "data")
			case 3:
				data = rapid.SliceOfN(rapid.Int64(), n, n).Draw(t, "data")
			}
			tensors = append(tensors, Tensor{Name: name, Shape: shape, Data: data})
		}
		var b bytes.Buffer
		if err := WriteTensors(&b, tensors); err != nil {
			t.Fatal(err)
		}
		got, err := read(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		byName := cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name })
		if diff := cmp.Diff(tensors, got, byName, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Tensors longer than a chunk, and numbers that no arithmetic should touch.
func TestTensorsKeepBits(t *testing.T) {
	long := make([]float32, 3*chunk/4+5)
	for i := range long {
		long[i] = math.Float32frombits(uint32(i) * 2654435761)
	}
	var b bytes.Buffer
	if err := WriteTensors(&b, []Tensor{{Name: "x", Shape: []int{len(long)}, Data: long}}); err != nil {
		t.Fatal(err)
	}
	got, err := read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got[0].Data.([]float32) {
		if math.Float32bits(x) != math.Float32bits(long[i]) {
			t.Fatalf("element %d: %x, want %x", i, math.Float32bits(x), math.Float32bits(long[i]))
		}
	}
}

func TestWriteTensorsRefuses(t *testing.T) {
	one := []float32{1}
	for _, c := range []struct {
		want    string
		tensors []Tensor
	}{
		{`two tensors are called "a"`, []Tensor{named("a", nil, one), named("a", nil, one)}},
		{`"" is not a name for a tensor`, []Tensor{named("", nil, one)}},
		{`"__metadata__" is not a name for a tensor`, []Tensor{named("__metadata__", nil, one)}},
		{`"\xff" is not a name for a tensor`, []Tensor{named("\xff", nil, one)}},
		{`tensor "a" has 1 elements and the shape [2]`, []Tensor{named("a", []int{2}, one)}},
		{`tensor "a" has 1 elements and the shape [-1 -1]`, []Tensor{named("a", []int{-1, -1}, one)}},
		{`tensor "a" has 0 elements and the shape [4294967296 4294967296]`, []Tensor{named("a", []int{1 << 32, 1 << 32}, []float32{})}},
		{`tensor "a": data is []string, want []float32, []float64, []int32 or []int64`, []Tensor{named("a", nil, []string{"x"})}},
	} {
		var b bytes.Buffer
		if err := WriteTensors(&b, c.tensors); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: wrote %d bytes", c.want, b.Len())
		}
	}
}

const f32 = `{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`

func TestReadTensorsRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "0 bytes are too few for a safetensors file"},
		{"seven bytes", make([]byte, 7), "7 bytes are too few for a safetensors file"},
		{"header longer than the file", []byte("\x03\x00\x00\x00\x00\x00\x00\x00{}"), "a header of 3 bytes in a file of 10"},
		{"header over the limit", []byte("\x01\xe1\xf5\x05\x00\x00\x00\x00{}"), "a header of 100000001 bytes, at most 100000000 are allowed: it is damaged, or no safetensors file"},
		{"header length overflows", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "a header of 18446744073709551615 bytes, at most 100000000 are allowed: it is damaged, or no safetensors file"},
		{"no header", file("", 0), "header, byte 0: ends in the middle"},
		{"not an object", file("[]", 0), "header, byte 1: does not begin with '{'"},
		{"space first", file(" {}", 0), "header, byte 1: does not begin with '{'"},
		{"cut off", file(`{"a":`, 0), `tensor "a": header, byte 5: ends in the middle`},
		{"trailing", file(`{}{}`, 0), "header, byte 2: more after the closing '}'"},
		{"trailing comma", file(`{"a":`+f32+`,}`, 4), "header, byte 55: '}' where a string belongs"},
		{"duplicate name", file(`{"a":`+f32+`,"a":`+f32+`}`, 4), `tensor "a": header, byte 58: twice in the header`},
		{"duplicate by escape", file(`{"a":`+f32+`,"\u0061":`+f32+`}`, 4), `tensor "a": header, byte 63: twice in the header`},
		{"duplicate field", file(`{"a":{"dtype":"F32","dtype":"F32"}}`, 0), `tensor "a": header, byte 28: "dtype" twice`},
		{"field in another case", file(`{"a":{"Dtype":"F32"}}`, 0), `tensor "a": header, byte 14: unknown field "Dtype"`},
		{"missing field", file(`{"a":{"dtype":"F32","shape":[]}}`, 0), `tensor "a": header, byte 31: only the fields ["dtype" "shape"] of dtype, shape and data_offsets`},
		{"empty entry", file(`{"a":{}}`, 0), `tensor "a": header, byte 7: only the fields [] of dtype, shape and data_offsets`},
		{"empty name", file(`{"":`+f32+`}`, 4), "header, byte 4: a tensor without a name"},
		{"dtype", file(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`, 2), `tensor "a": header, byte 20: dtype "BF16", only F32, F64, I32 and I64 are read: convert it to F32`},
		{"negative", file(`{"a":{"dtype":"F32","shape":[-1]`, 0), `tensor "a": header, byte 29: '-' where a number that is not negative belongs`},
		{"float", file(`{"a":{"dtype":"F32","shape":[1.0]`, 0), `tensor "a": header, byte 31: '.' where ',' or ']' belongs`},
		{"exponent", file(`{"a":{"dtype":"F32","shape":[1e3]`, 0), `tensor "a": header, byte 31: 'e' where ',' or ']' belongs`},
		{"leading zero", file(`{"a":{"dtype":"F32","shape":[01]`, 0), `tensor "a": header, byte 31: a number with a leading zero`},
		{"number overflows", file(`{"a":{"dtype":"F32","shape":[99999999999999999999]`, 0), `tensor "a": header, byte 48: a number larger than any file`},
		{"shape overflows", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), `tensor "a": header, byte 73: the shape [4294967296 4294967296] is larger than any file`},
		{"bytes overflow", file(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0), `tensor "a": header, byte 71: the shape [2305843009213693952] is larger than any file`},
		{"rank", file(`{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", 40)+`1]`, 0), `tensor "a": header, byte 93: more than 32 numbers`},
		{"three offsets", file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}}`, 8), `tensor "a": header, byte 51: more than 2 numbers`},
		{"one offset", file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}`, 8), `tensor "a": header, byte 49: 1 data_offsets, want 2`},
		{"size", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), `tensor "a": header, byte 53: data_offsets [0, 4] for 8 bytes of F32[2]`},
		{"backwards", file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}`, 4), `tensor "a": header, byte 53: data_offsets [4, 0] for 0 bytes of F32[0]`},
		{"overlap", file(`{"a":`+f32+`,"b":`+f32+`}`, 8), `tensor "b": its data begins at byte 0, that before it ends at 4`},
		{"gap", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), `tensor "a": its data begins at byte 4, that before it ends at 0`},
		{"truncated data", file(`{"a":`+f32+`}`, 3), `tensor "a": its data ends at byte 4, the file's at 3: the file is cut off`},
		{"data too long", file(`{"a":`+f32+`}`, 5), `1 bytes after the last tensor`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), `tensor "__metadata__": header, byte 34: twice in the header`},
		{"metadata key twice", file(`{"__metadata__":{"a":"","a":""}}`, 0), `header, byte 28: "a" twice in __metadata__`},
		{"metadata is no string", file(`{"__metadata__":{"a":1}}`, 0), `header, byte 22: '1' where a string belongs`},
		{"bad UTF-8", file("{\"\xff\":"+f32+"}", 4), "header, byte 4: a string that is not UTF-8"},
		{"control character", file("{\"\n\":"+f32+"}", 4), "header, byte 3: a control character in a string"},
		{"half a pair", file(`{"\ud800x":`+f32+`}`, 4), "header, byte 9: half of a surrogate pair in a string"},
		{"wrong pair", file(`{"\ud800\u0061":`+f32+`}`, 4), "header, byte 14: half of a surrogate pair in a string"},
		{"escape", file(`{"\x":`+f32+`}`, 4), `header, byte 4: the escape \x in a string`},
		{"hex", file(`{"\u00g0":`+f32+`}`, 4), `header, byte 7: 'g' in a \u escape`},
		{"long name", file(`{"`+strings.Repeat("a", maxName+1), 0), "header, byte 515: a string longer than 512 bytes"},
	} {
		_, err := read(c.file)
		var e *CorruptError
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *CorruptError", c.name, err)
		} else if e.Error() != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, e.Error(), c.want)
		}
	}
}

func TestReadTensorsAccepts(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want []Tensor
	}{
		{"none", file(`{}`, 0), nil},
		{"space", file("{ \"a\" :\t{ \"shape\" : [ 1 ] , \"data_offsets\":[0,4],\r\n\"dtype\":\"I32\"} }  ", 4), []Tensor{named("a", []int{1}, []int32{0})}},
		{"metadata", file(`{"__metadata__":{"format":"pt","b":"\n"},"a":`+f32+`}`, 4), []Tensor{named("a", []int{1}, []float32{0})}},
		{"pair", file(`{"\ud83d\ude00":`+f32+`}`, 4), []Tensor{named("😀", []int{1}, []float32{0})}},
		{"other order than the data's", file(`{"b":{"dtype":"F64","shape":[],"data_offsets":[4,12]},"a":`+f32+`}`, 12),
			[]Tensor{named("a", []int{1}, []float32{0}), named("b", nil, []float64{0})}},
		{"empty tensors", file(`{"b":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},"a":`+f32+`,"c":{"dtype":"I64","shape":[2,0],"data_offsets":[4,4]}}`, 4),
			[]Tensor{named("b", []int{0}, []int64{}), named("a", []int{1}, []float32{0}), named("c", []int{2, 0}, []int64{})}},
	} {
		got, err := read(c.file)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A header that is as long as the format allows and hostile is refused in less than a second and 64 MB.
func TestHeaderBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time, which the race detector stretches")
	}
	const size = 94 << 20
	empty := func() []byte { // as many empty tensors as fit
		var b bytes.Buffer
		b.WriteByte('{')
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, `"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, i)
		}
		return b.Bytes()
	}
	for name, header := range map[string][]byte{
		"tensors":  empty(),
		"space":    append([]byte("{"), bytes.Repeat([]byte(" "), size)...),
		"string":   append([]byte(`{"`), bytes.Repeat([]byte("a"), size)...),
		"numbers":  append([]byte(`{"a":{"shape":[`), bytes.Repeat([]byte("1,"), size/2)...),
		"fields":   append([]byte(`{"a":{`), bytes.Repeat([]byte(`"dtype":"F32",`), size/14)...),
		"metadata": append([]byte(`{"__metadata__":{`), bytes.Repeat([]byte(`"aaaa":"`+strings.Repeat("b", 400)+`",`), size/411)...),
	} {
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := clock()
		_, err := read(b)
		took := clock() - start
		runtime.ReadMemStats(&after)
		var e *CorruptError
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *CorruptError", name, err)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > time.Second || mb >= 64 {
			t.Errorf("%s: %v and %d MB", name, took, mb)
		}
	}
}

func FuzzReadTensors(f *testing.F) {
	f.Add(file(`{"a":`+f32+`}`, 4))
	f.Add(file(`{"__metadata__":{"a":"b"},"\u00e9":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}}  `, 16))
	f.Add(file(`{"b":{"dtype":"F64","shape":[],"data_offsets":[4,12]},"a":`+f32+`}`, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, err := read(b)
		if err != nil {
			return
		}
		// What was accepted can be written, reads as the same, and is no longer than what it was read from can hold.
		var again bytes.Buffer
		if err := WriteTensors(&again, tensors); err != nil {
			t.Fatalf("read but cannot write: %v", err)
		}
		back, err := read(again.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		byName := cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name })
		if diff := cmp.Diff(tensors, back, byName, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		bytes := int64(0)
		for _, t := range tensors {
			dtype, n, _ := describe(t.Data)
			bytes += int64(n) * int64(dtypes[dtype])
		}
		if bytes > int64(len(b)) {
			t.Fatalf("%d bytes of data from a file of %d", bytes, len(b))
		}
	})
}

func named(name string, shape []int, data any) Tensor {
	return Tensor{Name: name, Shape: shape, Data: data}
}
