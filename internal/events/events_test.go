package events

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// schema is the part of event.proto and summary.proto that is written, as descriptors.
const schema = `
name: "event.proto"
syntax: "proto3"
message_type {
  name: "Event"
  field { name: "wall_time" number: 1 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "step" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "file_version" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "summary" number: 5 type: TYPE_MESSAGE type_name: ".Summary" label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "session_log" number: 7 type: TYPE_MESSAGE type_name: ".SessionLog" label: LABEL_OPTIONAL oneof_index: 0 }
  oneof_decl { name: "what" }
}
message_type {
  name: "Summary"
  nested_type {
    name: "Value"
    field { name: "tag" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "simple_value" number: 2 type: TYPE_FLOAT label: LABEL_OPTIONAL oneof_index: 0 }
    oneof_decl { name: "value" }
  }
  field { name: "value" number: 1 type: TYPE_MESSAGE type_name: ".Summary.Value" label: LABEL_REPEATED }
}
message_type {
  name: "SessionLog"
  enum_type {
    name: "SessionStatus"
    value { name: "STATUS_UNSPECIFIED" number: 0 }
    value { name: "START" number: 1 }
  }
  field { name: "status" number: 1 type: TYPE_ENUM type_name: ".SessionLog.SessionStatus" label: LABEL_OPTIONAL }
}
`

// slowMasked is the checksum of a record by the bit, from the polynomial.
func slowMasked(b []byte) uint32 {
	crc := ^uint32(0)
	for _, x := range b {
		crc ^= uint32(x)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x82f63b78
			} else {
				crc >>= 1
			}
		}
	}
	crc = ^crc
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// decoded are the events of a file, read by the protocol buffer library; it checks lengths and checksums.
func decoded(t *testing.T, path string) (events []protoreflect.Message) {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(schema), &file); err != nil {
		t.Fatal(err)
	}
	desc, err := protodesc.NewFile(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		if got, want := binary.LittleEndian.Uint32(b[8:]), slowMasked(b[:8]); got != want {
			t.Fatalf("checksum %#x of the length, want %#x", got, want)
		}
		data := b[12:][:n]
		if got, want := binary.LittleEndian.Uint32(b[12+n:]), slowMasked(data); got != want {
			t.Fatalf("checksum %#x of the event, want %#x", got, want)
		}
		b = b[12+n+4:]
		m := dynamicpb.NewMessage(desc.Messages().ByName("Event"))
		if err := (proto.UnmarshalOptions{}).Unmarshal(data, m); err != nil {
			t.Fatal(err)
		}
		if len(m.GetUnknown()) > 0 {
			t.Fatalf("unknown fields %x", m.GetUnknown())
		}
		events = append(events, m)
	}
	return events
}

// field is the value of a field of a field.
func field(m protoreflect.Message, fields ...string) any {
	v := any(nil)
	for _, name := range fields {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		value := m.Get(f)
		if f.Kind() == protoreflect.MessageKind && !f.IsList() {
			m = value.Message()
			continue
		}
		if v = value.Interface(); f.IsList() {
			return value.List()
		}
	}
	return v
}

// opened is a folder that is held open until the test ends.
func opened(t testing.TB, dir string) *os.Root {
	t.Helper()
	in, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func only(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*tfevents*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%v, %v; want one", paths, err)
	}
	return paths[0]
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_700_000_000, 250_000_000)
	w, err := create(opened(t, dir), 301, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(301, Scalar{"loss", 1.5}, Scalar{"grad_norm", math.NaN()}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(1<<40, Scalar{"lr/é", math.Inf(1)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := only(t, dir)
	events := decoded(t, path)
	if len(events) != 4 {
		t.Fatalf("%d events, want 4", len(events))
	}
	for i, e := range events {
		if got := field(e, "wall_time"); got != 1_700_000_000.25 {
			t.Errorf("event %d: time %v", i, got)
		}
	}
	type scalar struct {
		Step  int64
		Tag   string
		Value float32
	}
	var got []scalar
	for _, e := range events {
		values := field(e, "summary", "value").(protoreflect.List)
		for i := range values.Len() {
			v := values.Get(i).Message()
			x := field(v, "simple_value").(float32)
			if x != x {
				x = -1 // to compare
			}
			got = append(got, scalar{field(e, "step").(int64), field(v, "tag").(string), x})
		}
	}
	want := []scalar{{301, "loss", 1.5}, {301, "grad_norm", -1}, {1 << 40, "lr/é", float32(math.Inf(1))}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := field(events[0], "file_version"); got != "brain.Event:2" {
		t.Errorf("file version %v", got)
	}
	if step, status := field(events[1], "step"), field(events[1], "session_log", "status"); step != int64(301) ||
		status != protoreflect.EnumNumber(1) {
		t.Errorf("the restart is at step %v, status %v", step, status)
	}
	// The bytes that every event file begins with: a length of 24, its checksum, and the tag of the time.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b[:13]); got != "1800000000000000a37f4b2209" {
		t.Errorf("begins with %s", got)
	}
}

// Files that are made in the same second have different names, in the order in which they were made.
func TestCreateTwice(t *testing.T) {
	dir := t.TempDir()
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	for range 3 {
		w, err := create(opened(t, dir), 0, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if want := Prefix + []string{"1700000000.", "1700000001.", "1700000002."}[i]; len(entries) != 3 ||
			e.Name()[:len(want)] != want {
			t.Errorf("file %d is %s", i, e.Name())
		}
	}
	gone := opened(t, t.TempDir())
	if err := os.Remove(gone.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(gone, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	w, err := Create(opened(b, b.TempDir()), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for i := range b.N {
		if err := w.Write(i, Scalar{"loss", 1}, Scalar{"grad_norm", 2}, Scalar{"lr", 3},
			Scalar{"tokens_per_second", 4}); err != nil {
			b.Fatal(err)
		}
	}
}

// A run that goes on where the clock says an earlier time, after it was set or on another host, is read after what it
// goes on from.
func TestCreateWithAnEarlierClock(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"events.out.tfevents.strange.n1", "events.out.tfevents.99999999999.n1", "other.2000000000.n1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	last := ""
	for i, seconds := range []int64{1_700_000_000, 1_600_000_000, 1_700_000_001, 1_800_000_000, 0} {
		w, err := create(opened(t, dir), 0, func() time.Time { return time.Unix(seconds, 0) })
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if w.Name() <= last {
			t.Errorf("file %d is %s, before %s", i, w.Name(), last)
		}
		last = w.Name()
	}
}
