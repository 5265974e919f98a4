package cuda

import (
	"encoding/binary"
	"unsafe"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
)

// program implements tape.Program.
//
// Run returns when the run is in the stream, unless the device itself must look for bad indices (see site) or a
// host function takes part; Read waits. What goes wrong on the GPU meanwhile is the error of a later call.
type program struct {
	device *engine
	family *family // nil: its memory is its own
	tape   *tape.Tape
	code   []*segment
	sites  []*site
	watch  *watch
	waits  bool // for the faults that the device finds
	runs   int

	m       *machine
	slots   map[tape.BufferID]place
	tables  []*table
	block   driver.Ptr     // where the memory is that it needs while it runs; 0: nowhere yet
	needs   int64          // bytes of it
	offsets [spaces]uint64 // of the spaces in it
	pinned  []byte         // for the faults
	words   []uint64       // what came down there
	inputs  map[tape.BufferID]*stage
	others  *stage         // for states, and for all that is read
	closers []func() error // in the order in which things were made
	closed  bool
}

// start reserves what a lowered tape needs and compiles its kernels. The program is of a family, which is
// locked, or alone.
func (d *engine) start(l *lowering, f *family) (*program, error) {
	p := &program{
		device: d, family: f, tape: l.tape, code: l.segments, sites: l.sites, watch: newWatch(l.tape, l.sites),
		tables: l.tables, slots: map[tape.BufferID]place{},
		m: &machine{queue: &d.queue, steps: make([]int, depth(l.tape.Code))},
	}
	for _, s := range p.code {
		s.plain = s.plain || !d.capture || s.calls() > maxGraph
	}
	if err := p.start(l); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// maxGraph bounds the number of pieces of work of a graph; longer runs are put into the stream piece by piece.
// A graph of this size takes about a tenth of a second to make, and some tens of megabytes.
const maxGraph = 1 << 16

func (p *program) start(l *lowering) error {
	if err := p.device.compile(l.launches); err != nil {
		return err
	}
	p.m.Lock()
	defer p.m.Unlock()
	gpu := p.device.gpu
	if err := p.m.ready(gpu, l.multiplies, events(p.code)); err != nil { // first, so that memory that is short is the program's own
		return err
	}
	if err := p.reserve(l); err != nil {
		return err
	}
	for _, s := range p.sites {
		p.waits = p.waits || !s.hosts
	}
	p.m.faults = p.faults
	return p.resetFaults()
}

// lasting are the spaces that stay as they are between runs, passing those that other programs of a family may
// have meanwhile.
var (
	lasting = []space{faults, own}
	passing = []space{arena, scratch, second}
)

// layOut puts spaces one behind the other, from 0 on, and returns how long they are together.
func (l *lowering) layOut(which []space) (at [spaces]uint64, bytes int64) {
	for _, s := range which {
		at[s] = uint64(bytes)
		bytes += roundUp(l.size[s])
	}
	return at, bytes
}

// reserve gives the program its memory: all of it, or what it does not have in turns with its family.
func (p *program) reserve(l *lowering) error {
	var stays int64
	p.m.base, stays = l.layOut(lasting)
	p.offsets, p.needs = l.layOut(passing)
	p.needs = max(p.needs, alignment) // so that it is somewhere
	if stays+p.needs > maxMemory {
		return errors.Errorf("%d bytes are more than any GPU has", stays+p.needs)
	}
	bytes := stays
	if p.family == nil {
		bytes += p.needs
	}
	gpu := p.device.gpu
	memory, err := gpu.Alloc(max(bytes, alignment))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return gpu.Release(memory) })
	for _, s := range lasting {
		p.m.base[s] += uint64(memory)
	}
	for _, s := range l.tape.Slots {
		p.slots[s.Buf] = l.home(s.Buf)
	}
	if err := p.pin(l); err != nil {
		return err
	}
	if p.family != nil {
		if err := p.clear(own, l.size[own]); err != nil {
			return err
		}
		return p.family.enter(p)
	}
	if err := p.settle(memory + driver.Ptr(stays)); err != nil {
		return err
	}
	return p.clear(arena, roundUp(l.tape.Arena))
}

// clear fills the beginning of a space with zeros.
func (p *program) clear(s space, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return p.m.stream.Clear(driver.Ptr(p.m.base[s]), bytes)
}

// settle makes block the memory that the program needs while it runs. What it has captured is of no use then.
func (p *program) settle(block driver.Ptr) error {
	p.block = block
	for _, s := range passing {
		p.m.base[s] = uint64(block) + p.offsets[s]
	}
	for _, t := range p.tables {
		if err := p.others.upload(p.m.address(&t.at), t.bytes(&p.m.base)); err != nil {
			return err
		}
	}
	return p.forget()
}

// forget gives back what was captured.
func (p *program) forget() (first error) {
	for _, s := range p.code {
		if s.graph == nil {
			continue
		}
		if err := s.graph.Close(); first == nil {
			first = err
		}
		s.graph = nil
	}
	return first
}

// turn waits for the programs of the family and of the device; done lets them go on.
func (p *program) turn() (done func()) {
	if p.family == nil {
		p.m.Lock()
		return p.m.Unlock
	}
	p.family.Lock()
	p.m.Lock()
	return func() {
		p.m.Unlock()
		p.family.Unlock()
	}
}

// maxMemory guards against a nonsensical size.
const maxMemory = 1 << 40

// pin reserves pinned memory: for the words of faults, for each input, for everything else, for host functions.
func (p *program) pin(l *lowering) error {
	other := 0
	bytes := 0
	p.inputs = map[tape.BufferID]*stage{}
	for _, s := range l.tape.Slots {
		n := l.tape.Buffers[s.Buf].Len * l.tape.Buffers[s.Buf].Dtype.Size()
		other = max(other, n)
		if s.Kind == tape.Input && p.inputs[s.Buf] == nil {
			p.inputs[s.Buf] = &stage{stream: p.m.stream}
			bytes += 2 * halfBytes(n)
		}
	}
	for _, t := range l.tables {
		other = max(other, len(t.bytes(&p.m.base)))
	}
	bytes += pinnedSize(8*len(p.sites)) + 2*halfBytes(other)
	for _, h := range l.hosts {
		bytes += h.pinnedBytes()
	}
	pinned, err := p.device.gpu.AllocHost(max(bytes, alignment))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { return p.device.gpu.ReleaseHost(pinned) })
	left := pinned
	take := func(n int) []byte {
		piece := left[:n:n]
		left = left[pinnedSize(n):]
		return piece
	}
	p.pinned, p.words = take(8*len(p.sites)), make([]uint64, len(p.sites))
	p.others = &stage{stream: p.m.stream}
	fill := func(s *stage, n int) error {
		for i := range s.halves {
			done, err := p.device.gpu.NewEvent()
			if err != nil {
				return err
			}
			p.closers = append(p.closers, done.Close)
			s.halves[i] = half{take(halfBytes(n)), done}
		}
		return nil
	}
	for id, s := range p.inputs {
		if err := fill(s, l.tape.Buffers[id].Len*l.tape.Buffers[id].Dtype.Size()); err != nil {
			return err
		}
	}
	for _, h := range l.hosts {
		h.pin(take)
	}
	return fill(p.others, other)
}

// release waits for what the stream does with the program's memory, and gives everything back, the last first.
func (p *program) release() (first error) {
	p.m.Lock()
	defer p.m.Unlock()
	if p.m.stream != nil {
		first = p.m.stream.Sync()
	}
	for i := len(p.closers) - 1; i >= 0; i-- {
		if err := p.closers[i](); first == nil {
			first = err
		}
	}
	p.closers = nil
	return first
}

// depth is how deep the loops of code are nested.
func depth(code []tape.Instr) int {
	d := 0
	for _, in := range code {
		if lp, ok := in.(*tape.Loop); ok {
			d = max(d, 1+depth(lp.Body))
		}
	}
	return d
}

var errClosed = errors.New("cuda: the program is closed; load the tape again to run it")

func (p *program) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.closers = append(p.closers, p.forget)
	if p.family == nil {
		return errors.WithMessage(p.release(), "cuda: close")
	}
	p.family.Lock()
	defer p.family.Unlock()
	first := p.release()
	if err := p.family.leave(p.device.gpu); first == nil {
		first = err
	}
	return errors.WithMessage(first, "cuda: close")
}

func (p *program) Write(s tape.SlotID, data any) error {
	to, bytes, err := p.slot("write", s, data)
	if err != nil {
		return err
	}
	slot := &p.tape.Slots[s]
	if slot.Kind == tape.Output {
		return errors.Errorf("cuda: write of slot %q: it is an output, which only the tape writes", slot.Name)
	}
	p.watch.see(slot.Buf, data)
	via := p.inputs[slot.Buf]
	if via == nil {
		via = p.others
	}
	defer p.turn()()
	return errors.WithMessagef(via.upload(to, bytes), "cuda: write of slot %q", slot.Name)
}

func (p *program) Read(s tape.SlotID, data any) error {
	from, bytes, err := p.slot("read", s, data)
	if err != nil {
		return err
	}
	defer p.turn()()
	return errors.WithMessagef(p.others.download(bytes, from), "cuda: read of slot %q", p.tape.Slots[s].Name)
}

// slot checks the arguments of Write and Read and returns the slot's address and the bytes of data.
func (p *program) slot(verb string, s tape.SlotID, data any) (driver.Ptr, []byte, error) {
	if p.closed {
		return 0, nil, errClosed
	}
	if s < 0 || int(s) >= len(p.tape.Slots) {
		return 0, nil, errors.Errorf("cuda: %s of slot %d: the tape has %d slots", verb, s, len(p.tape.Slots))
	}
	slot := &p.tape.Slots[s]
	buf := &p.tape.Buffers[slot.Buf]
	var bytes []byte
	dtype, n, ok := buf.Dtype, 0, true
	switch data := data.(type) {
	case []float32:
		dtype, n, bytes = tape.Float32, len(data), bytesOf(data)
	case []float64:
		dtype, n, bytes = tape.Float64, len(data), bytesOf(data)
	case []int32:
		dtype, n, bytes = tape.Int32, len(data), bytesOf(data)
	default:
		ok = false
	}
	if !ok || dtype != buf.Dtype {
		return 0, nil, errors.Errorf("cuda: %s of slot %q: the data is %T, the slot holds %v%v; pass a slice of that type", verb, slot.Name, data, buf.Dtype, slot.Shape)
	}
	if want := volume(slot.Shape); n != want {
		return 0, nil, errors.Errorf("cuda: %s of slot %q: the data has %d elements, the slot %v%v has %d", verb, slot.Name, n, buf.Dtype, slot.Shape, want)
	}
	at := p.slots[slot.Buf]
	return p.m.address(&at), bytes, nil
}

// bytesOf is the memory of a slice.
func bytesOf[T any](xs []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(xs))), len(xs)*int(unsafe.Sizeof(t)))
}

func (p *program) Run() error {
	if p.closed {
		return errClosed
	}
	return errors.WithMessage(p.run(), "cuda: run")
}

func (p *program) run() error {
	if err := p.watch.check(p.sites); err != nil {
		return err
	}
	defer p.turn()()
	if p.family != nil {
		if err := p.family.enter(p); err != nil {
			return err
		}
	}
	if err := p.put(); err != nil {
		return err
	}
	p.runs++
	return p.faults()
}

// put puts a run into the stream: the first piece by piece, the second in graphs that it captures, later ones
// as these graphs. (The driver loads kernels when they are first used, which it must not do in a capture.)
func (p *program) put() error {
	for _, s := range p.code {
		if err := p.putSegment(s); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) putSegment(s *segment) error {
	if s.plain || p.runs == 0 {
		return s.put(p.m)
	}
	if s.graph == nil {
		g, err := p.capture(s)
		var lost *driver.LostError
		switch {
		case errors.As(err, &lost):
			return err
		case err != nil: // nothing of the segment was done yet
			if p.device.refused != nil {
				p.device.refused(err)
			}
			for _, any := range p.code {
				any.plain = true
			}
			return s.put(p.m)
		}
		s.graph = g
	}
	return s.graph.Launch(p.m.stream)
}

// capture makes a graph of a segment, with both lanes if there are two and the GPU lets them be captured together.
func (p *program) capture(s *segment) (driver.Graph, error) {
	if s.events > 0 {
		g, err := p.m.stream.Capture(func() error { return s.putBoth(p.m) })
		var lost *driver.LostError
		if err == nil || errors.As(err, &lost) {
			return g, err
		}
	}
	return p.m.stream.Capture(func() error { return s.put(p.m) })
}

// faults waits for all that is in the stream and is the error of the first bad index that the device has found.
func (p *program) faults() error {
	if !p.waits {
		return nil
	}
	if err := p.m.stream.Download(p.pinned, driver.Ptr(p.m.base[faults])); err != nil {
		return err
	}
	if err := p.m.stream.Sync(); err != nil {
		return err
	}
	for i := range p.words {
		p.words[i] = binary.NativeEndian.Uint64(p.pinned[8*i:])
	}
	err := firstFault(p.sites, p.words)
	if err != nil {
		if err := p.resetFaults(); err != nil {
			return err
		}
	}
	return err
}

// resetFaults forgets what the device has found.
func (p *program) resetFaults() error {
	if len(p.sites) == 0 {
		return nil
	}
	for i := range p.pinned {
		p.pinned[i] = 0xff // kernel.NoFault
	}
	if err := p.m.stream.Upload(driver.Ptr(p.m.base[faults]), p.pinned); err != nil {
		return err
	}
	return p.m.stream.Sync()
}
