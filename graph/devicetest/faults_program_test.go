package devicetest

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
)

// program passes all on but what a fault changes.
type program struct {
	tape.Program
	write func(s tape.SlotID, data any) error
	run   func() error
	read  func(s tape.SlotID, data any) error
	close func() error
}

func (p *program) Write(s tape.SlotID, data any) error {
	if p.write != nil {
		return p.write(s, data)
	}
	return p.Program.Write(s, data)
}

func (p *program) Run() error {
	if p.run != nil {
		return p.run()
	}
	return p.Program.Run()
}

func (p *program) Read(s tape.SlotID, data any) error {
	if p.read != nil {
		return p.read(s, data)
	}
	return p.Program.Read(s, data)
}

func (p *program) Close() error {
	if p.close != nil {
		return p.close()
	}
	return p.Program.Close()
}

// fillSlots writes a number to all slots of a kind.
func fillSlots(p tape.Program, t *tape.Tape, kind tape.SlotKind, x float64) {
	for s, slot := range t.Slots {
		if slot.Kind == kind {
			if err := writeSlot(p, t, tape.SlotID(s), x); err != nil {
				panic(err)
			}
		}
	}
}

func slotFaults() []fault {
	type wrapper = func(p tape.Program, t *tape.Tape) tape.Program
	wrap := func(f func(w *program, t *tape.Tape)) wrapper {
		return func(p tape.Program, t *tape.Tape) tape.Program {
			w := &program{Program: p}
			f(w, t)
			return w
		}
	}
	return []fault{
		{check: "slots zero", name: "reuses memory with its old contents", wrap: wrap(func(w *program, t *tape.Tape) { fillSlots(w.Program, t, tape.State, 1) })},
		{check: "slots keep", name: "clears states before each run", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { fillSlots(w.Program, t, tape.State, 0); return w.Program.Run() }
		})},
		{check: "slots keep", name: "consumes its inputs", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { err := w.Program.Run(); fillSlots(w.Program, t, tape.Input, 0); return err }
		})},
		{check: "slots copy", name: "keeps the slice that Write got", wrap: wrap(func(w *program, t *tape.Tape) {
			later := map[tape.SlotID]any{}
			w.write = func(s tape.SlotID, data any) error { later[s] = data; return w.Program.Write(s, data) }
			w.run = func() error {
				for s, data := range later {
					if err := w.Program.Write(s, data); err != nil {
						return err
					}
				}
				return w.Program.Run()
			}
		})},
		{check: "slots copy", name: "fills the slice that Read got again after a run",
			wrap: wrap(func(w *program, t *tape.Tape) {
				later := map[tape.SlotID]any{}
				w.read = func(s tape.SlotID, data any) error { later[s] = data; return w.Program.Read(s, data) }
				w.run = func() error {
					if err := w.Program.Run(); err != nil {
						return err
					}
					for s, data := range later {
						if err := w.Program.Read(s, data); err != nil {
							return err
						}
					}
					return nil
				}
			})},
		{check: "slots shapes", name: "cannot read an empty slot", wrap: wrap(func(w *program, t *tape.Tape) {
			w.read = func(s tape.SlotID, data any) error {
				if len(unhost(data)) == 0 {
					return errors.New("nothing to read")
				}
				return w.Program.Read(s, data)
			}
		})},
		{check: "programs apart", name: "loads a tape only once",
			load: func() func(d tape.Device, t *tape.Tape) (tape.Program, error) {
				loaded := map[*tape.Tape]tape.Program{}
				return func(d tape.Device, t *tape.Tape) (p tape.Program, err error) {
					if loaded[t] == nil {
						loaded[t], err = d.Load(t)
					}
					return loaded[t], err
				}
			}()},
		{check: "programs concurrent", name: "runs one program at a time", wrap: func() wrapper {
			var busy sync.Mutex
			return wrap(func(w *program, t *tape.Tape) {
				w.run = func() error {
					if !busy.TryLock() {
						return errors.New("busy")
					}
					defer busy.Unlock()
					time.Sleep(5 * time.Millisecond)
					return w.Program.Run()
				}
			})
		}()},
		{check: "errors slots", name: "lets the host write an output", wrap: wrap(func(w *program, t *tape.Tape) {
			w.write = func(s tape.SlotID, data any) error {
				if s >= 0 && int(s) < len(t.Slots) && t.Slots[s].Kind == tape.Output {
					return nil
				}
				return w.Program.Write(s, data)
			}
		})},
		{check: "errors slots", name: "takes too few elements", wrap: wrap(func(w *program, t *tape.Tape) {
			w.write = func(s tape.SlotID, data any) error {
				if len(t.Slots) == 3 {
					switch data := data.(type) {
					case []float32:
						if len(data) == 2 {
							return nil
						}
					case []float64:
						if len(data) == 2 {
							return nil
						}
					}
				}
				return w.Program.Write(s, data)
			}
		})},
		{check: "errors slots", name: "names no slot", wrap: wrap(func(w *program, t *tape.Tape) {
			w.read = func(s tape.SlotID, data any) error {
				if w.Program.Read(s, data) != nil {
					return errors.New("bad argument")
				}
				return nil
			}
		})},
		{check: "errors closed", name: "closes only once", wrap: wrap(func(w *program, t *tape.Tape) {
			closed := false
			w.close = func() error {
				if closed {
					return errors.New("closed")
				}
				closed = true
				return w.Program.Close()
			}
		})},
		{check: "errors closed", name: "never closes", wrap: wrap(func(w *program, t *tape.Tape) { w.close = func() error { return nil } })},
		{check: "errors unsupported", name: "panics on what it does not know",
			load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
				p, err := d.Load(t)
				if err != nil {
					panic(err)
				}
				return p, err
			}},
		{check: "errors unsupported", name: "has no type for that error",
			load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
				p, err := d.Load(t)
				if err != nil {
					err = errors.New(err.Error())
				}
				return p, err
			}},
		{check: "errors malformed", name: "loads anything", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			p, err := d.Load(t)
			if err != nil {
				return d.Load(&tape.Tape{Float: t.Float})
			}
			return p, err
		}},
		{check: "index error", name: "counts positions from 1", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error {
				err := w.Program.Run()
				if ie := (*tape.IndexError)(nil); errors.As(err, &ie) {
					ie.Pos++
				}
				return err
			}
		})},
		{check: "index error", name: "has no type for a bad index", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error {
				if err := w.Program.Run(); err != nil {
					return errors.New(err.Error())
				}
				return nil
			}
		})},
		{check: "index error", name: "never runs again after a bad index", wrap: wrap(func(w *program, t *tape.Tape) {
			var failed error
			w.run = func() error {
				if failed == nil {
					failed = w.Program.Run()
				}
				return failed
			}
		})},
		{check: "host error", name: "swallows a host function's error", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { _ = w.Program.Run(); return nil }
		})},
		{check: "host load", name: "runs the tape on Load", wrap: wrap(func(w *program, t *tape.Tape) { _ = w.Program.Run() })},
		{check: "reduce", name: "adds in another order at each run", wrap: wrap(func(w *program, t *tape.Tape) {
			runs := 0
			w.run = func() error { runs++; return w.Program.Run() }
			w.read = func(s tape.SlotID, data any) error {
				if err := w.Program.Read(s, data); err != nil {
					return err
				}
				if xs, ok := data.([]float32); ok && runs == 2 {
					for i, x := range xs {
						if math.Abs(float64(x)) > 3 && x != -77 {
							xs[i] = math.Nextafter32(x, 1e30)
						}
					}
				}
				if xs, ok := data.([]float64); ok && runs == 2 {
					for i, x := range xs {
						if math.Abs(x) > 3 && x != -77 {
							xs[i] = math.Nextafter(x, 1e300)
						}
					}
				}
				return nil
			}
		})},
	}
}

func hostFaults() []fault {
	return []fault{
		{check: "host", name: "runs host functions before all else",
			load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
				c := *t
				c.Code = slices.Clone(t.Code)
				slices.SortStableFunc(c.Code, func(a, b tape.Instr) int {
					_, hostA := a.(*tape.Host)
					_, hostB := b.(*tape.Host)
					return int(truth(hostB) - truth(hostA))
				})
				return d.Load(&c)
			}},
		{check: "host order", name: "calls a host function once per loop",
			rewrite: replace(func(_ *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
				if _, ok := l.Body[0].(*tape.Host); ok {
					return []tape.Instr{&tape.Loop{Trip: 1, Body: l.Body}}
				}
				return nil
			})},
		{check: "host error", name: "goes on after a host function's error", rewrite: edit(func(_ *tape.Tape, h *tape.Host) {
			fn := h.Fn
			h.Fn = func(out, in []any) error {
				if err := fn(out, in); err != nil {
					_ = fn(out, in)
					return err
				}
				return nil
			}
		})},
	}
}
