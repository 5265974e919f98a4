package inspect

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/internal/words"
)

// Stepper takes training steps: a run.Task.
type Stepper interface {
	Step(before int, rate float64) (loss, norm float64, tokens int, err error)
}

// Profile is where the time and the memory of training steps go.
type Profile struct {
	Steps  int           // that were measured
	Plain  time.Duration // a step without clocks
	Whole  time.Duration // a step with them, of which the others are parts
	Tokens float64       // a second, without clocks
	Kinds  []Part        // by kind of instruction, and packing
	Parts  []Part        // of a run of the program that has most of the work, by section
	Shapes int           // programs, each for a shape of batches
	Share  float64       // of the time of instructions that Parts are of
	Memory []Use         // of that program
}

// Part is a part of a step.
type Part struct {
	Name string
	Time time.Duration // of a step
	Cost Cost          // of a step
}

// Use is a use of memory.
type Use struct {
	Name  string
	Bytes int64
}

// Measure takes training steps for about a time, first without clocks, then with them. The device must be recorded, and
// have been made with the times.
func Measure(ctx context.Context, s Stepper, r *Recorder, times *cpu.Times, last time.Duration) (*Profile, error) {
	step, tokens := 0, 0
	take := func(until time.Duration) (n int, took time.Duration, err error) {
		for begin := time.Now(); n < 3 || took < until; took = time.Since(begin) {
			if err := ctx.Err(); err != nil {
				return n, took, err
			}
			_, _, read, err := s.Step(step, 0) // weights stay
			if err != nil {
				return n, took, err
			}
			n, step, tokens = n+1, step+1, tokens+read
		}
		return n, took, nil
	}
	if _, _, err := take(last / 4); err != nil { // compiles, and warms up
		return nil, err
	}
	tokens = 0
	n, took, err := take(last / 2)
	if err != nil {
		return nil, err
	}
	p := &Profile{Plain: took / time.Duration(n), Tokens: float64(tokens) / took.Seconds()}
	for _, x := range r.Programs() {
		x.Runs = 0
	}
	times.On = true
	defer func() { times.On = false }()
	if p.Steps, took, err = take(last); err != nil {
		return nil, err
	}
	p.Whole = took / time.Duration(p.Steps)
	return p, p.fill(r, times)
}

// fill sums up what was measured.
func (p *Profile) fill(r *Recorder, times *cpu.Times) error {
	busiest := r.Busiest()
	if busiest == nil {
		return errors.New("no program has run")
	}
	kinds := map[string]*Part{}
	var all time.Duration
	for _, x := range r.Programs() {
		if x.Runs == 0 {
			continue
		}
		p.Shapes++
		for _, in := range instructions(x.Tape.Code) {
			all += count(kinds, kindOf(in), x.Tape, in, times, p.Steps)
		}
	}
	for _, k := range kinds {
		p.Kinds = append(p.Kinds, *k)
	}
	slices.SortFunc(p.Kinds, func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name))
	})
	if packing := times.Packing.Sum / time.Duration(p.Steps); packing > 0 {
		p.Kinds = append(p.Kinds, Part{Name: "packing of weights", Time: packing})
	}
	var of time.Duration
	for _, s := range Fold(Items(busiest.Tape)) {
		sum := map[string]*Part{}
		for _, x := range s.Items {
			for _, in := range instructions(x.Code) {
				of += count(sum, s.Title, busiest.Tape, in, times, busiest.Runs)
			}
		}
		if part := sum[s.Title]; part != nil {
			p.Parts = append(p.Parts, *part)
		}
	}
	p.Share = float64(of) / float64(max(all, 1))
	p.Memory = memoryOf(busiest)
	return nil
}

// count adds an instruction to the part of a name: what it has done, divided by so many. It gives its whole time.
func count(parts map[string]*Part, name string, t *tape.Tape, in tape.Instr, times *cpu.Times, by int) time.Duration {
	at := times.Of[in]
	if at == nil || at.Runs == 0 {
		return 0
	}
	if parts[name] == nil {
		parts[name] = &Part{Name: name}
	}
	c := costOf(t, in)
	runs := float64(at.Runs) / float64(by)
	part := parts[name]
	part.Time += at.Sum / time.Duration(by)
	part.Cost.add(Cost{1, at.Runs / by, runs * c.FLOP, int64(runs * float64(c.Bytes))})
	return at.Sum
}

// instructions are those of code, of loops those within.
func instructions(code []tape.Instr) (all []tape.Instr) {
	for _, in := range code {
		if l, ok := in.(*tape.Loop); ok {
			all = append(all, instructions(l.Body)...)
		} else {
			all = append(all, in)
		}
	}
	return all
}

// memoryOf is what the memory of a program is for.
func memoryOf(p *Program) []Use {
	var params, optimizer, ports int64
	for _, s := range p.Tape.Slots {
		b := p.Tape.Buffers[s.Buf]
		size := int64(b.Len * b.Dtype.Size())
		switch {
		case s.Kind != tape.State:
			ports += size
		case strings.ContainsAny(s.Name, "/ "): // adam/m/…, or a carried state
			optimizer += size
		default:
			params += size
		}
	}
	return []Use{
		{"parameters", params}, {"optimizer and carried states", optimizer}, {"inputs and outputs", ports},
		{"activations, gradients and scratch", p.Tape.Arena - params - optimizer - ports},
		{"packed weights and buffers of products", p.Bytes - p.Tape.Arena},
	}
}

// together is what parts take.
func together(parts []Part) (sum time.Duration) {
	for _, x := range parts {
		sum += x.Time
	}
	return sum
}

// inner is what all instructions take of a step.
func (p *Profile) inner() time.Duration { return together(p.Kinds) }

// rest is what is neither: making batches, transfers, and the loop around.
func (p *Profile) rest() time.Duration { return p.Whole - p.inner() }

func ms(d time.Duration) string { return fmt.Sprintf("%.3f ms", d.Seconds()*1e3) }

func share(d, of time.Duration) string {
	return fmt.Sprintf("%.1f%%", 100*d.Seconds()/max(of, 1).Seconds())
}

// rates are what a part does in a second.
func (x *Part) rates() (flop, bytes string) {
	seconds := x.Time.Seconds()
	if seconds <= 0 || x.Cost.Bytes == 0 {
		return "", ""
	}
	if x.Cost.FLOP > 0 {
		flop = fmt.Sprintf("%.2f", x.Cost.FLOP/seconds/1e9)
	}
	return flop, fmt.Sprintf("%.2f", float64(x.Cost.Bytes)/seconds/1e9)
}

// Text writes the profile as tables of 80 columns.
func (p *Profile) Text(w io.Writer, title string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\na step takes %s (%s tokens a second);\nwith clocks on its instructions %s, the mean of %s\n",
		title, ms(p.Plain), words.Thousands(int(p.Tokens)), ms(p.Whole), words.Count(p.Steps, "step", "steps"))
	table(&b, [2]string{"instructions", "a step"}, p.Kinds, p.Whole)
	fmt.Fprintf(&b, "%-36s%12s%8s\n", "together", ms(p.inner()), share(p.inner(), p.Whole))
	fmt.Fprintf(&b, "%-36s%12s%8s\n", "batches, transfers, the loop around", ms(p.rest()), share(p.rest(), p.Whole))
	fmt.Fprintf(&b, "%-36s%12s%8s\n", "the whole step", ms(p.Whole), "100.0%")
	heading := "parts of the program"
	if p.Shapes > 1 {
		heading = fmt.Sprintf("parts, for 1 of %d shapes of batches", p.Shapes)
	}
	table(&b, [2]string{heading, "a run"}, p.Parts, together(p.Parts))
	if p.Shapes > 1 {
		fmt.Fprintf(&b, "runs of that shape have %.1f%% of the time of all instructions\n", 100*p.Share)
	}
	b.WriteString("\nmemory of that program\n")
	sum := int64(0)
	for _, u := range p.Memory {
		fmt.Fprintf(&b, "%s%12s\n", words.Pad(u.Name, 50), words.Bytes(u.Bytes))
		sum += u.Bytes
	}
	fmt.Fprintf(&b, "%-50s%12s\n", "together", words.Bytes(sum))
	_, err := io.WriteString(w, b.String())
	return err
}

// table writes parts of a time.
func table(b *strings.Builder, heading [2]string, parts []Part, of time.Duration) {
	fmt.Fprintf(b, "\n%-36s%12s%8s%11s%9s\n", heading[0], heading[1], "share", "GFLOP/s", "GB/s")
	for _, x := range parts {
		flop, bytes := x.rates()
		name := words.Pad(words.Clip(x.Name, 35), 36)
		line := fmt.Sprintf("%s%12s%8s%11s%9s", name, ms(x.Time), share(x.Time, of), flop, bytes)
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// Picture is a picture of the profile: write it as svg or png.
func (p *Profile) Picture(title string) *plots.Bars {
	bars := &plots.Bars{Title: words.Clip(title, 90)}
	group := func(name string, parts []Part, of time.Duration) {
		g := plots.BarGroup{Title: name}
		for _, x := range parts {
			g.Bars = append(g.Bars, plots.Bar{Name: x.Name, Value: x.Time.Seconds(),
				Text: ms(x.Time) + ", " + share(x.Time, of)})
		}
		bars.Groups = append(bars.Groups, g)
	}
	rest := Part{Name: "batches, transfers, the loop around", Time: max(p.rest(), 0)}
	group(fmt.Sprintf("time of a step, %s, by kind of instruction", ms(p.Whole)), append(slices.Clip(p.Kinds), rest), p.Whole)
	group("a run of the program, by its parts", p.Parts, together(p.Parts))
	memory := plots.BarGroup{Title: "memory"}
	for _, u := range p.Memory {
		memory.Bars = append(memory.Bars, plots.Bar{Name: u.Name, Value: float64(u.Bytes), Text: words.Bytes(u.Bytes)})
	}
	bars.Groups = append(bars.Groups, memory)
	return bars
}
