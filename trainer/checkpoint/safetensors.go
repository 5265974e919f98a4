package checkpoint

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// The safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the length n of the header, little
// endian; n bytes of JSON; the data of all tensors, little endian, each where the header says, without gaps.

// chunk is how many bytes of a tensor are converted at once.
const chunk = 1 << 16

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteTensors writes tensors in the safetensors format. The same tensors give the same bytes, whatever their
// order: wide element types come first, so that all data is aligned, then they are sorted by name.
func WriteTensors(w io.Writer, tensors []Tensor) error {
	if w == nil {
		return errors.New("no writer to write tensors to: it is nil")
	}
	_, err := writeTensors(w, tensors)
	return err
}

// writeTensors also gives the CRC-32C of each tensor's bytes.
func writeTensors(w io.Writer, tensors []Tensor) (map[string]uint32, error) {
	header, sorted, err := encodeHeader(tensors)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(header); err != nil {
		return nil, errors.WithStack(err)
	}
	sums := make(map[string]uint32, len(sorted))
	buf := make([]byte, 0, chunk)
	for _, t := range sorted {
		dtype, n, _ := describe(t.Data)
		step := chunk / dtypes[dtype]
		sum := uint32(0)
		for lo := 0; lo < n; lo += step {
			if buf, err = binary.Append(buf[:0], binary.LittleEndian, part(t.Data, lo, min(lo+step, n))); err != nil {
				return nil, errors.WithStack(err)
			}
			sum = crc32.Update(sum, castagnoli, buf)
			if _, err := w.Write(buf); err != nil {
				return nil, errors.WithStack(err)
			}
		}
		sums[t.Name] = sum
	}
	return sums, nil
}

// encodeHeader is the length and header of a file, and the tensors in the order of their data.
func encodeHeader(tensors []Tensor) ([]byte, []Tensor, error) {
	if len(tensors) > maxTensors {
		return nil, nil, errors.Errorf("%d tensors, at most %d are kept", len(tensors), maxTensors)
	}
	sorted := slices.Clone(tensors)
	sizes := make(map[string]int, len(sorted))
	for i := range sorted {
		t := &sorted[i]
		if err := check(t); err != nil {
			return nil, nil, errors.WithStack(err)
		}
		if _, twice := sizes[t.Name]; twice {
			return nil, nil, errors.Errorf("two tensors are called %q", t.Name)
		}
		dtype, _, _ := describe(t.Data)
		sizes[t.Name] = dtypes[dtype]
	}
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(sizes[b.Name], sizes[a.Name]), strings.Compare(a.Name, b.Name))
	})
	type field struct {
		Dtype   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	b := append(make([]byte, 8), '{')
	at := int64(0)
	for i, t := range sorted {
		dtype, n, _ := describe(t.Data)
		f := field{Dtype: dtype, Shape: append([]int{}, t.Shape...), Offsets: [2]int64{at, at + int64(n*dtypes[dtype])}}
		at = f.Offsets[1]
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, nil, errors.WithStack(err)
		}
		value, err := json.Marshal(f)
		if err != nil {
			return nil, nil, errors.WithStack(err)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, nil, errors.Errorf("the names of %d tensors need a header of %d bytes, at most %d are allowed",
			len(sorted), len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, sorted, nil
}

// ReadTensors reads a safetensors file of the given size, in the order of its data. Whatever it holds that the
// format forbids is a *CorruptError that names the tensor, found before memory is spent on it: duplicate names,
// gaps and overlaps, shapes that overflow, a header or a file that is too long or too short.
func ReadTensors(r io.Reader, size int64) ([]Tensor, error) {
	tensors, _, err := readTensors(r, size)
	return tensors, err
}

// readHeader reads what the file says of its tensors, and checks it.
func readHeader(r io.Reader, size int64) ([]entry, error) {
	var first [8]byte
	if r == nil {
		return nil, errors.New("no reader to read tensors from: it is nil")
	}
	if size < 8 {
		return nil, corrupt("", "%d bytes are too few for a safetensors file", size)
	}
	if err := readFull(r, first[:], ""); err != nil {
		return nil, err
	}
	length, data := binary.LittleEndian.Uint64(first[:]), size-8
	switch {
	case length > maxHeader:
		return nil, corrupt("", "a header of %d bytes, at most %d are allowed: it is damaged, or no safetensors file", length, maxHeader)
	case int64(length) > data:
		return nil, corrupt("", "a header of %d bytes in a file of %d", length, size)
	}
	data -= int64(length)
	entries, err := parseHeader(r, int64(length))
	if err != nil {
		return nil, err
	}
	return entries, checkLayout(entries, data)
}

func readTensors(r io.Reader, size int64) ([]Tensor, map[string]uint32, error) {
	entries, err := readHeader(r, size)
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]Tensor, len(entries))
	sums := make(map[string]uint32, len(entries))
	buf := make([]byte, chunk)
	for i, e := range entries {
		width := dtypes[e.dtype]
		n := int(e.hi-e.lo) / width
		t := Tensor{Name: e.name, Shape: e.shape, Data: allocate(e.dtype, n)}
		sum := uint32(0)
		for lo := 0; lo < n; lo += chunk / width {
			hi := min(lo+chunk/width, n)
			piece := buf[:(hi-lo)*width]
			if err := readFull(r, piece, e.name); err != nil {
				return nil, nil, err
			}
			sum = crc32.Update(sum, castagnoli, piece)
			if _, err := binary.Decode(piece, binary.LittleEndian, part(t.Data, lo, hi)); err != nil {
				return nil, nil, errors.WithStack(err)
			}
		}
		tensors[i], sums[e.name] = t, sum
	}
	return tensors, sums, nil
}

// checkLayout sorts entries by their data and says whether they cover it without gap or overlap.
func checkLayout(entries []entry, data int64) error {
	slices.SortStableFunc(entries,
		func(a, b entry) int { return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi)) })
	at := int64(0)
	for _, e := range entries {
		switch {
		case e.lo != at:
			return corrupt(e.name, "its data begins at byte %d, that before it ends at %d", e.lo, at)
		case e.hi > data:
			return corrupt(e.name, "its data ends at byte %d, the file's at %d: the file is cut off", e.hi, data)
		}
		at = e.hi
	}
	if at != data {
		return corrupt("", "%d bytes after the last tensor", data-at)
	}
	return nil
}

func readFull(r io.Reader, b []byte, tensor string) error {
	if _, err := io.ReadFull(r, b); err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt(tensor, "the file is cut off")
	} else if err != nil {
		return errors.WithStack(err)
	}
	return nil
}
