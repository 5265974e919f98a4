package sim

// visitor is who touches a word: a thread, in a block, between two barriers of it (an epoch), in a launch.
type visitor struct {
	launch               uint32 // the zero visitor is of no launch
	block, epoch, thread int32
}

// many stands for several blocks or threads.
const many = -1

// access says who touched a word: the last that wrote it, and those that read it since.
type access struct {
	writer, reader visitor
}

// conflict reports whether nothing orders what v and earlier u do: two threads of one epoch, or of two blocks.
func (v visitor) conflict(u visitor) bool {
	return u.launch == v.launch && (u.block != v.block || u.epoch == v.epoch && u.thread != v.thread)
}

// read notes that v reads the word, and reports who wrote it if that is a race.
func (a *access) read(v visitor) (visitor, bool) {
	if v.conflict(a.writer) {
		return a.writer, true
	}
	if v.conflict(a.reader) { // no race, but from now on any thread's write is one
		if a.reader.block != v.block {
			v.block = many
		}
		v.thread = many
	}
	a.reader = v
	return visitor{}, false
}

// write notes that v writes the word, and reports who touched it if that is a race.
func (a *access) write(v visitor) (visitor, bool) {
	if v.conflict(a.writer) {
		return a.writer, true
	}
	if v.conflict(a.reader) {
		return a.reader, true
	}
	a.writer = v
	return visitor{}, false
}
