package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// manifest is manifest.json: what the other files of a checkpoint were when they were written.
type manifest struct {
	Format string              `json:"format"`
	Step   int                 `json:"step,omitempty"`
	Past   []int               `json:"past,omitempty"` // the steps of those before it that may be kept, the newest first
	Files  map[string]fileInfo `json:"files"`
	CRC    string              `json:"crc32c,omitempty"` // of the manifest without this field; older ones have none
}

// sum is what CRC should be.
func (m manifest) sum() (string, error) {
	m.CRC = ""
	b, err := encodeJSON(m)
	return crcString(crc32.Checksum(b, castagnoli)), err
}

type fileInfo struct {
	Bytes   int64             `json:"bytes"`
	SHA256  string            `json:"sha256"`
	Tensors map[string]string `json:"tensors,omitempty"` // CRC-32C of each tensor's data, to name the one that is damaged
}

const (
	manifestFormat = "unroll-checkpoint-1"
	maxManifest    = 8 << 20 // bytes, also of a state.json
	maxPast        = 100_000 // steps
	maxFiles       = 1_000
)

func crcString(sum uint32) string { return fmt.Sprintf("%08x", sum) }

// encodeJSON is the one form in which this package writes JSON.
func encodeJSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// decodeJSON reads what encodeJSON wrote, and nothing else: encoding/json lets pass duplicate keys, keys in
// another case, bad UTF-8 and missing fields, none of which survives being written again.
func decodeJSON(data []byte, v any) *CorruptError {
	if err := json.Unmarshal(data, v); err != nil {
		return corrupt("", "not valid (%v)", err)
	}
	again, err := encodeJSON(v)
	if err != nil {
		return corrupt("", "not valid (%v)", err)
	}
	if !bytes.Equal(data, again) {
		n := 0
		for n < min(len(data), len(again)) && data[n] == again[n] {
			n++
		}
		return corrupt("", "not as it was written, first at byte %d", n)
	}
	return nil
}

// readSmall reads a whole file that should be small.
func readSmall(f *os.File) ([]byte, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if stat.Size() > maxManifest {
		return nil, corrupt("", "%d bytes, at most %d are read", stat.Size(), maxManifest)
	}
	data := make([]byte, stat.Size())
	if n, err := io.ReadFull(f, data); err == io.EOF || err == io.ErrUnexpectedEOF {
		return data[:n], nil
	} else if err != nil {
		return nil, err
	}
	return data, nil
}
