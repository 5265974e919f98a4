// Package events writes the event files that TensorBoard reads: numbers by name and step.
//
// An event file is a sequence of records (TensorFlow's TFRecord format), each an Event in the encoding of
// protocol buffers:
//
//	uint64 n | uint32 crc(n) | n bytes | uint32 crc(bytes)        all little endian
//	crc(b) = rotr(CRC-32C(b), 15) + 0xa282ead8
//
//	Event       {1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary | 7: SessionLog}
//	Summary     {1: repeated Value {1: string tag, 2: float simple_value}}
//	SessionLog  {1: enum status, START = 1}
//
// (tensorflow/core/util/event.proto and framework/summary.proto.) So few messages need no library.
//
// This package must not know what the numbers are.
package events

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Scalar is a number with the name that TensorBoard shows it by. It may be NaN or infinite.
type Scalar struct {
	Tag   string
	Value float64 // kept as a float32, as the format has it
}

// Writer appends events to a file of its own.
type Writer struct {
	f   *os.File
	now func() time.Time
	buf []byte
}

// Prefix begins the names of event files. TensorBoard finds them by it.
const Prefix = "events.out.tfevents."

// Create makes a new event file in a folder. With from > 0, what earlier files of that folder say of that step
// and later ones is void: a run that was resumed goes on from there.
func Create(in *os.Root, from int) (*Writer, error) { return create(in, from, time.Now) }

// newest is the latest time that the name of an event file in a folder has; 0: there is none.
func newest(in *os.Root) (latest int64, err error) {
	entries, err := fs.ReadDir(in.FS(), ".")
	if err != nil {
		return 0, errors.WithStack(err)
	}
	for _, e := range entries {
		digits, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), Prefix), ".")
		at, err := strconv.ParseInt(digits, 10, 64)
		if err == nil && strings.HasPrefix(e.Name(), Prefix) && len(digits) == 10 {
			latest = max(latest, at)
		}
	}
	return latest, nil
}

func create(in *os.Root, from int, now func() time.Time) (*Writer, error) {
	if in == nil {
		return nil, errors.New("events: there is no folder")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	// TensorBoard reads the files of a folder in the order of their names: the time comes first, and is after that of all
	// others, whatever a clock says that was set, or that of another host.
	before, err := newest(in)
	if err != nil {
		return nil, err
	}
	var f *os.File
	for at := max(now().Unix(), before+1); ; at++ {
		f, err = safefile.Create(in, fmt.Sprintf("%s%010d.%s", Prefix, at, host))
		if err == nil {
			break
		} else if !errors.Is(err, os.ErrExist) {
			return nil, errors.WithStack(err)
		}
	}
	w := &Writer{f: f, now: now}
	err = w.write(0, func(b []byte) []byte { return appendBytes(b, 3, "brain.Event:2") })
	if err == nil && from > 0 {
		err = w.write(from, func(b []byte) []byte { return appendBytes(b, 7, "\x08\x01") })
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// Name is the name of the file in its folder.
func (w *Writer) Name() string { return filepath.Base(w.f.Name()) }

// Write appends numbers of a step, with a single write.
func (w *Writer) Write(step int, scalars ...Scalar) error {
	var summary, value []byte
	for _, s := range scalars {
		value = appendBytes(value[:0], 1, s.Tag)
		value = append(value, 2<<3|fixed32)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(s.Value)))
		summary = appendBytes(summary, 1, string(value))
	}
	return w.write(step, func(b []byte) []byte { return appendBytes(b, 5, string(summary)) })
}

// Close closes the file.
func (w *Writer) Close() error { return errors.WithStack(w.f.Close()) }

// The wire types of protocol buffers.
const (
	varint  = 0
	fixed64 = 1
	length  = 2
	fixed32 = 5
)

// write appends the record of an event; what appends what the event is.
func (w *Writer) write(step int, what func([]byte) []byte) error {
	const head = 8 + 4
	b := append(w.buf[:0], make([]byte, head)...)
	b = append(b, 1<<3|fixed64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(w.now().UnixMicro())/1e6))
	if step != 0 { // 0 is what is not there
		b = append(b, 2<<3|varint)
		b = binary.AppendUvarint(b, uint64(step))
	}
	b = what(b)
	binary.LittleEndian.PutUint64(b, uint64(len(b)-head))
	binary.LittleEndian.PutUint32(b[8:], masked(b[:8]))
	b = binary.LittleEndian.AppendUint32(b, masked(b[head:]))
	w.buf = b
	_, err := w.f.Write(b)
	return errors.WithStack(err)
}

// appendBytes appends a field of bytes, a string or a message.
func appendBytes(b []byte, field byte, s string) []byte {
	b = append(b, field<<3|length)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func masked(b []byte) uint32 {
	return bits.RotateLeft32(crc32.Checksum(b, castagnoli), -15) + 0xa282ead8
}
