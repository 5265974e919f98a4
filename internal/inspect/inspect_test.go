package inspect

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/plots"
)

// recurrence is a program of 5 steps of h' = tanh(h·U), of 4 rows of 3 numbers, after which U changes.
type recurrence struct {
	program *graph.Program
	device  *Recorder
	times   cpu.Times
}

func newRecurrence(t *testing.T) *recurrence {
	t.Helper()
	r := &recurrence{}
	r.device = Record(cpu.New(cpu.Threads(1), cpu.Timed(&r.times)))
	b := op.New(G.NewGraph())
	u := G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(3, 3), G.WithName("layer.u"))
	h := G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(4, 3), G.WithName("h"))
	x := G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(5, 4, 3), G.WithName("x"))
	out := b.Scan(op.Scan{Seqs: []*G.Node{x}, States: []*G.Node{h}}, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: []*G.Node{b.Tanh(b.Add(in.Seqs[0], b.Product(in.States[0], u)))}}
	})
	loss := b.Sum(b.Square(out.States[0]))
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	var err error
	r.program, err = graph.Compile(graph.Config{Device: r.device, Outputs: G.Nodes{loss},
		Updates: []graph.Update{{State: u, Value: b.Affine(u, 0.5, 0)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.program.Close() })
	return r
}

// Step takes a step, as a task does.
func (r *recurrence) Step(int, float64) (loss, norm float64, tokens int, err error) {
	return 0, 0, 20, r.program.Run()
}

func TestRecorder(t *testing.T) {
	r := newRecurrence(t)
	if r.device.Busiest() != nil {
		t.Error("nothing has run")
	}
	if err := r.program.Run(); err != nil {
		t.Fatal(err)
	}
	p := r.device.Busiest()
	if p == nil || p.Runs != 1 || len(p.Graph) == 0 || p.Bytes < p.Tape.Arena {
		t.Fatalf("recorded %+v", p)
	}
	scans := slices.IndexFunc(p.Graph, func(x Item) bool { return x.Loop })
	if scans < 0 || !strings.Contains(p.Graph[scans].Text, "5 steps") {
		t.Errorf("no scan in the graph %+v", p.Graph)
	}
	for i, x := range p.Graph {
		for _, need := range x.Needs {
			if need >= i {
				t.Errorf("node %d needs node %d, which comes later", i, need)
			}
		}
	}
}

// The work of a program is that of its instructions, those of loops as often as they go round.
func TestCosts(t *testing.T) {
	p := newRecurrence(t).device.Programs()[0]
	all := costs(p.Tape, p.Tape.Code, 1)
	products := Cost{}
	for _, in := range p.Tape.Code {
		if l, ok := in.(*tape.Loop); ok {
			for _, in := range l.Body {
				if _, ok := in.(*tape.Product); ok {
					c := costOf(p.Tape, in)
					products.add(Cost{1, l.Trip, float64(l.Trip) * c.FLOP, int64(l.Trip) * c.Bytes})
				}
			}
		}
	}
	if want := 5 * 2. * 4 * 3 * 3; products.FLOP != want || products.Bytes != 5*4*(12+9+12) {
		t.Errorf("products in the loop: %+v, want %g", products, want)
	}
	// Besides: 60 additions and 60 tanhs, at least 60 squares, their sum, and 9 numbers updated.
	if all.FLOP < products.FLOP+60*4+9 || all.FLOP > products.FLOP+60*5+30 {
		t.Errorf("all: %+v", all)
	}
}

func TestFold(t *testing.T) {
	p := newRecurrence(t).device.Programs()[0]
	sections := Fold(Items(p.Tape))
	sum, loops := Cost{}, 0
	for i, s := range sections {
		sum.add(s.Cost)
		if s.Items[0].Loop {
			loops++
			if !strings.Contains(s.Title, "loop of 5 steps  layer") || len(s.Items) != 1 {
				t.Errorf("the loop is %q of %d items", s.Title, len(s.Items))
			}
		}
		for _, from := range s.From {
			if from >= i {
				t.Errorf("section %d reads from %d", i, from)
			}
		}
	}
	if want := costs(p.Tape, p.Tape.Code, 1); sum != want || loops != 1 {
		t.Errorf("%d loops, %+v, want %+v", loops, sum, want)
	}
	if last := sections[len(sections)-1]; !strings.HasSuffix(last.Title, "update of the weights") {
		t.Errorf("the last section is %q", last.Title)
	}
}

// Diagrams are well-formed, name what there is, and as text fit into 80 columns.
func TestDiagrams(t *testing.T) {
	p := newRecurrence(t).device.Programs()[0]
	for name, of := range map[string][]Item{"tape": Items(p.Tape), "graph": p.Graph} {
		for _, full := range []bool{false, true} {
			d := Draw("a <step> & more", Fold(of), full)
			d.Buffers(p.Tape)
			var svg, dot, text, nodes bytes.Buffer
			for _, err := range []error{d.SVG(&svg), d.Dot(&dot), d.Text(&text, 80), DotOf(&nodes, "all", of)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			for x := xml.NewDecoder(bytes.NewReader(svg.Bytes())); ; {
				if _, err := x.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			for _, want := range []string{"a &lt;step&gt; &amp; more", "5 steps", "layer.u", "prefers-color-scheme:dark"} {
				if !strings.Contains(svg.String(), want) {
					t.Errorf("%s, full %v: no %q in the SVG", name, full, want)
				}
			}
			for _, line := range strings.Split(text.String(), "\n") {
				if utf8.RuneCountInString(line) > 80 {
					t.Errorf("longer than 80: %s", line)
				}
			}
			for _, g := range []string{dot.String(), nodes.String()} {
				if !strings.HasPrefix(g, "digraph step {") || !strings.Contains(g, " -> ") ||
					strings.Count(g, "{") != strings.Count(g, "}") {
					t.Errorf("%s: not a graph: %s", name, g)
				}
			}
		}
	}
}

// The picture of all instructions is as narrow as that of the sections, and has every word of them.
func TestFullPicture(t *testing.T) {
	p := newRecurrence(t).device.Programs()[0]
	d := Draw("all", Fold(Items(p.Tape)), true)
	var svg bytes.Buffer
	if err := d.SVG(&svg); err != nil {
		t.Fatal(err)
	}
	var picture struct {
		Width int `xml:"width,attr"`
		Boxes []struct {
			Lines []struct {
				Text string   `xml:",chardata"`
				From []string `xml:"a"`
			} `xml:"text>tspan"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal(svg.Bytes(), &picture); err != nil || picture.Width > 520 || len(picture.Boxes) != len(d.boxes) {
		t.Fatalf("%d boxes, %d wide, %v", len(picture.Boxes), picture.Width, err)
	}
	for i, b := range picture.Boxes {
		var got []string
		for _, line := range b.Lines {
			if utf8.RuneCountInString(line.Text) > codeColumns {
				t.Errorf("wider than its box: %s", line.Text)
			}
			got = append(got, strings.Fields(line.Text)...)
		}
		want := strings.Fields(strings.Join(d.boxes[i].lines, " "))
		if from := d.boxes[i].from; len(from) > 0 {
			want = append(want, "reads", "from")
			for k, above := range b.Lines[len(b.Lines)-1].From {
				if above != strconv.Itoa(from[k]+1) {
					t.Errorf("box %d reads from %s, want %d", i+1, above, from[k]+1)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("box %d has %q, want %q", i+1, got, want)
		}
	}
}

// A profile's parts are the whole, whatever was measured; its memory is that of the program.
func TestProfile(t *testing.T) {
	r := newRecurrence(t)
	p, err := Measure(context.Background(), r, r.device, &r.times, 40*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.Steps < 3 || p.Whole <= 0 || p.Plain <= 0 || p.Shapes != 1 || math.Abs(p.Share-1) > 1e-9 || r.times.On {
		t.Errorf("%+v", p)
	}
	var kinds []string
	for _, k := range p.Kinds {
		kinds = append(kinds, k.Name)
	}
	if !slices.Contains(kinds, "product") || !slices.Contains(kinds, "map") || !slices.Contains(kinds, "reduce") {
		t.Errorf("kinds %v", kinds)
	}
	if p.inner() <= 0 || p.inner() > p.Whole || p.inner()+p.rest() != p.Whole {
		t.Errorf("instructions take %v and the rest %v of %v", p.inner(), p.rest(), p.Whole)
	}
	if len(p.Parts) != len(Fold(Items(r.device.Programs()[0].Tape))) {
		t.Errorf("parts %+v", p.Parts)
	}
	sum := int64(0)
	for _, u := range p.Memory {
		sum += u.Bytes
	}
	if sum != r.device.Programs()[0].Bytes || p.Memory[0] != (Use{"parameters", 36}) {
		t.Errorf("memory %+v", p.Memory)
	}
	var text, picture bytes.Buffer
	if err := p.Text(&text, "title"); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("longer than 80: %s", line)
		}
	}
	if err := p.Picture("title").Write(&picture, plots.SVG); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">product<", ">parameters<"} {
		if !strings.Contains(picture.String(), want) {
			t.Errorf("no %s in the picture", want)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := Measure(ended, r, r.device, &r.times, time.Hour); err != context.Canceled {
		t.Errorf("ended: %v", err)
	}
}

// Launches are counted without a GPU: a copy of h, in each of 5 steps a product and a Map, the sum of squares, the
// update of U; at bf16 U is rounded, and h in each step. A tape that no GPU takes is said to be one.
func TestLaunches(t *testing.T) {
	r := newRecurrence(t)
	if err := r.program.Run(); err != nil {
		t.Fatal(err)
	}
	const n = 1 << 32
	huge := &tape.Tape{Float: tape.Float32, Arena: 8*n + tape.Align, Buffers: []tape.Buffer{
		{Dtype: tape.Float32, Len: n}, {Dtype: tape.Float32, Len: n, Offset: 4 * n}, {Dtype: tape.Float32, Len: 1, Offset: 8 * n},
	}}
	huge.Code = []tape.Instr{&tape.Product{C: tape.Ref{Buf: 1}, B: tape.Ref{Buf: 2}, Batch: 1, M: n, N: 1, K: 1,
		LdA: 1, LdB: 1, LdC: 1}}
	for want, p := range map[string]*Program{
		"\nlaunches of a step on an NVIDIA GPU, about: fp32 13, tf32 13, bf16 19\n": r.device.Busiest(),
		"\nno GPU could run this step: cuda: pieces: ":                              {Tape: huge},
	} {
		var out strings.Builder
		if err := p.WriteLaunches(&out); err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q, %v; want %q", out.String(), err, want)
		}
	}
}
