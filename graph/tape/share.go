package tape

import "github.com/pkg/errors"

// Separable says whether the slots can lie elsewhere than the rest of the arena, as a Sharer needs it: no other
// buffer overlaps theirs.
func (t *Tape) Separable() error {
	slots := map[BufferID]string{}
	for _, s := range t.Slots {
		slots[s.Buf] = s.Name
	}
	end := func(b Buffer) int64 { return b.Offset + int64(b.Len*b.Dtype.Size()) }
	for id, name := range slots {
		slot := t.Buffers[id]
		for i, b := range t.Buffers {
			if BufferID(i) != id && b.Offset < end(slot) && slot.Offset < end(b) {
				return errors.Errorf("buffer %d overlaps slot %q: the memory of such a tape cannot be shared", i, name)
			}
		}
	}
	return nil
}
