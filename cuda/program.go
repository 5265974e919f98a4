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
		device: d, family: f, tape: l.tape, code: l.segments, sites: l.sites, watch: newWatch(l.tape, l.sites, l.asked),
		tables: l.tables, slots: map[tape.BufferID]place{},
		m: &machine{queue: &d.queue, collective: d.collective, steps: make([]int, depth(l.tape.Code))},
	}
	p.m.watch = p.watch
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
	// first, so that memory that is short is the program's own
	if err := p.m.ready(gpu, l.multiplies, events(p.code)); err != nil {
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

// turn waits for the programs of the family and of the device; done lets them go on.
func (p *program) turn() (done func()) {
	if p.family != nil {
		p.family.Lock()
	}
	p.m.Lock()
	guarded := p.device.guarded()
	return func() {
		guarded()
		p.m.Unlock()
		if p.family != nil {
			p.family.Unlock()
		}
	}
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
		return 0, nil, errors.Errorf("cuda: %s of slot %q: the data is %T, the slot holds %v%v; pass a slice of that type",
			verb, slot.Name, data, buf.Dtype, slot.Shape)
	}
	if want := volume(slot.Shape); n != want {
		return 0, nil, errors.Errorf("cuda: %s of slot %q: the data has %d elements, the slot %v%v has %d", verb, slot.Name,
			n, buf.Dtype, slot.Shape, want)
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

// capture makes a graph of a segment, in which kernels begin early if the GPU lets them be captured so.
func (p *program) capture(s *segment) (driver.Graph, error) {
	p.m.early = p.device.early
	defer func() { p.m.early = false }()
	g, err := p.record(s)
	var lost *driver.LostError
	if err != nil && p.m.early && !errors.As(err, &lost) {
		p.m.early = false
		g, err = p.record(s)
	}
	return g, err
}

// record is capture, with both lanes if there are two and the GPU lets them be captured together.
func (p *program) record(s *segment) (driver.Graph, error) {
	if s.events > 0 {
		g, err := p.m.stream.Capture(func() error { return s.putBoth(p.m) })
		var lost *driver.LostError
		if err == nil || errors.As(err, &lost) {
			return g, err
		}
	}
	return p.m.stream.Capture(func() error { return s.put(p.m) })
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
