package cuda

import (
	"github.com/unroll-ml/unroll/cuda/driver"
)

// A stage is pinned memory, twice, through which the host's data goes up or down: while the GPU still copies
// one half, the host fills the other. What is larger goes in pieces.
type stage struct {
	stream driver.Stream
	halves [2]half
	turn   int
}

type half struct {
	mem  []byte
	done driver.Event // the copy that was put into the stream last
}

// maxHalf bounds a half: longer copies are no faster.
const maxHalf = 4 << 20

// halfBytes is the size of the halves of a stage for data of a given size.
func halfBytes(n int) int { return pinnedSize(min(n, maxHalf)) }

// pinnedSize rounds up, so that what is carved out of pinned memory stays aligned.
func pinnedSize(n int) int { return (n + alignment - 1) / alignment * alignment }

// upload puts the copying of data to device memory into the stream; data is not needed afterwards.
func (s *stage) upload(to driver.Ptr, data []byte) error {
	for len(data) > 0 {
		h := &s.halves[s.turn]
		s.turn ^= 1
		if err := h.done.Sync(); err != nil {
			return err
		}
		n := copy(h.mem, data)
		if err := s.stream.Upload(to, h.mem[:n]); err != nil {
			return err
		}
		if err := s.stream.Record(h.done); err != nil {
			return err
		}
		to, data = to+driver.Ptr(n), data[n:]
	}
	return nil
}

// download copies device memory to data and waits until that is done. While a piece is copied out of one half,
// the next one comes down into the other.
func (s *stage) download(data []byte, from driver.Ptr) error {
	var coming []byte // the piece that is on its way, into the half whose turn it is not
	finish := func() error {
		h := &s.halves[s.turn^1]
		if err := h.done.Sync(); err != nil {
			return err
		}
		copy(coming, h.mem)
		return nil
	}
	for len(data) > 0 {
		h := &s.halves[s.turn]
		if err := h.done.Sync(); err != nil {
			return err
		}
		n := min(len(data), len(h.mem))
		if err := s.stream.Download(h.mem[:n], from); err != nil {
			return err
		}
		if err := s.stream.Record(h.done); err != nil {
			return err
		}
		if coming != nil {
			if err := finish(); err != nil {
				return err
			}
		}
		s.turn ^= 1
		coming, data, from = data[:n], data[n:], from+driver.Ptr(n)
	}
	if coming == nil {
		return nil
	}
	return finish()
}
