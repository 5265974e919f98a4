package devicetest

import (
	"sync"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// copier is ref as a tape.Sharer: what is in common is copied to and from the program that is used. It makes
// the mistake of that name, if there is one.
type copier struct {
	tape.Device
	mistake string
	mu      *sync.Mutex
	common  map[string]any // by name of the slot; nil: nothing was written yet
}

func (d *copier) Share(common map[string]bool) tape.Device {
	c := &copier{Device: d.Device, mistake: d.mistake, mu: new(sync.Mutex), common: map[string]any{}}
	for name := range common {
		c.common[name] = nil
	}
	return c
}

func (d *copier) Load(t *tape.Tape) (tape.Program, error) {
	p, err := d.Device.Load(t)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, s := range t.Slots {
		if _, ok := d.common[s.Name]; !ok || s.Kind == tape.Output {
			continue
		}
		mine := host(t.Dtype(tape.SlotID(i)), make([]float64, size(s.Shape)))
		if d.common[s.Name] == nil || d.mistake == "types" {
			d.common[s.Name] = mine
		} else if !alike(d.common[s.Name], mine) {
			return nil, errors.New("another type")
		}
	}
	return &copied{p, t, d}, nil
}

func alike(a, b any) bool {
	switch a.(type) {
	case []float32:
		_, ok := b.([]float32)
		return ok && len(unhost(a)) == len(unhost(b))
	case []float64:
		_, ok := b.([]float64)
		return ok && len(unhost(a)) == len(unhost(b))
	}
	_, ok := b.([]int32)
	return ok && len(unhost(a)) == len(unhost(b))
}

// copied is a program of a copier.
type copied struct {
	tape.Program
	tape *tape.Tape
	d    *copier
}

// each calls f with the program's slots in common.
func (p *copied) each(f func(s tape.SlotID, kind tape.SlotKind, name string) error) error {
	for i, s := range p.tape.Slots {
		if _, ok := p.d.common[s.Name]; !ok || s.Kind == tape.Output {
			continue
		}
		if err := f(tape.SlotID(i), s.Kind, s.Name); err != nil {
			return err
		}
	}
	return nil
}

func (p *copied) get() error {
	return p.each(func(s tape.SlotID, _ tape.SlotKind, name string) error { return p.Program.Write(s, p.d.common[name]) })
}

func (p *copied) Write(s tape.SlotID, data any) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if err := p.Program.Write(s, data); err != nil || p.d.mistake == "common" {
		return err
	}
	if _, ok := p.d.common[p.tape.Slots[s].Name]; ok && p.tape.Slots[s].Kind != tape.Output {
		p.d.common[p.tape.Slots[s].Name] = host(p.tape.Dtype(s), unhost(data))
	}
	return nil
}

func (p *copied) Read(s tape.SlotID, data any) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if err := p.get(); err != nil {
		return err
	}
	return p.Program.Read(s, data)
}

func (p *copied) Run() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if err := p.get(); err != nil {
		return err
	}
	if err := p.Program.Run(); err != nil {
		if p.d.mistake == "indices" {
			return nil
		}
		return err
	}
	return p.each(func(s tape.SlotID, kind tape.SlotKind, name string) error {
		if kind != tape.State {
			return nil
		}
		data := host(p.tape.Dtype(s), make([]float64, size(p.tape.Slots[s].Shape)))
		p.d.common[name] = data
		return p.Program.Read(s, data)
	})
}

// sameG is a Sharer that has all in common.
type sameG struct{ copier }

func (d *sameG) Share(map[string]bool) tape.Device {
	return d.copier.Share(map[string]bool{"g": true, "w": true})
}

func TestSharerIsFaultless(t *testing.T) { RunSharer(t, &copier{Device: ref.New()}) }

func TestSharersMistakesAreSeen(t *testing.T) {
	for _, c := range shareChecks {
		var d tape.Sharer = &copier{Device: ref.New(), mistake: c.name}
		switch c.name {
		case "own", "concurrent":
			d = &sameG{copier{Device: ref.New()}}
		}
		for _, f := range []tape.Dtype{tape.Float32, tape.Float64} {
			if err := c.run(d, f); err == nil {
				t.Errorf("%v: the check %q sees no mistake", f, c.name)
			} else if testing.Verbose() {
				t.Logf("%v: %s: %.200v", f, c.name, err)
			}
		}
	}
}
