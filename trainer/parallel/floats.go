package parallel

import (
	"encoding/binary"
	"math"
)

// Bytes are the bits of numbers, for Gather and Bcast; Floats are the numbers again.
func Bytes(xs []float32) []byte {
	data := make([]byte, 0, 4*len(xs))
	for _, x := range xs {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}

// Floats are the numbers that Bytes was given.
func Floats(data []byte) []float32 {
	xs := make([]float32, len(data)/4)
	for i := range xs {
		xs[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return xs
}
