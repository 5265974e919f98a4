package lessons_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// The vanilla recurrent network, folded and unrolled.
func TestPictureUnrolled(t *testing.T) {
	s := newSVG(800, 330, "A recurrent network, once with a loop and once unrolled over four steps")
	column := func(x float64, index string) {
		s.box(x, 265, 52, 40, inputs, "x"+index)
		s.box(x, 165, 60, 46, hidden, "s"+index)
		s.box(x, 65, 52, 40, written, "y"+index)
		s.arrow(grey, x, 245, x, 189)
		s.arrow(grey, x, 142, x, 86)
		s.math(place{x: x + 14, y: 223, colour: grey}, "U")
		s.math(place{x: x + 14, y: 120, colour: grey}, "V")
	}
	column(100, "_t")
	s.add(`<path d="M 130 155 C 185 125, 185 205, 138 178" fill="none" stroke="%s" stroke-width="1.5"/>`, grey)
	s.arrow(grey, 142, 180, 131, 174)
	s.math(place{x: 182, y: 171, colour: grey}, "W")
	s.text(place{x: 228, y: 172, size: 24, colour: grey}, "=")
	s.math(place{x: 277, y: 170, colour: hidden}, "s_0")
	for i := range 4 {
		x := 370 + 118*float64(i)
		column(x, fmt.Sprintf("_%d", i+1))
		from := x - 118 + 30 // the edge of the box before
		if i == 0 {
			from = 292
		}
		s.arrow(grey, from, 165, x-31, 165)
		s.math(place{x: x - 59, y: 157, colour: grey}, "W")
	}
	s.text(place{x: 100, y: 313, size: 13, colour: grey}, "one cell with a loop")
	s.text(place{x: 547, y: 313, size: 13, colour: grey}, "the same cell at every step: U, W, V are the same numbers")
	picture(t, "unrolled", s.end())
}

// The scalar network with its numbers, and what comes back of the error.
func TestPictureScalar(t *testing.T) {
	m := newScalarRNN(-10, 10, -1)
	gentle := newScalarRNN(-0.1, 0.5, -1)
	states := [][]float32{compute(m.b, m.states)[0], compute(gentle.b, gentle.states)[0]}
	outs := [][]float32{compute(m.b, m.out, m.loss)[0], compute(gentle.b, gentle.out, gentle.loss)[0]}
	s := newSVG(800, 415,
		"The scalar network with two choices of weights: saturated states of -1, and states between -1 and 0")
	for k, label := range []string{"W_xh = -10,  W_hh = 10", "W_xh = -0.1,  W_hh = 0.5"} {
		y := 110 + 190*float64(k)
		s.math(place{x: 30, y: y - 72, anchor: "start", size: 15}, label)
		s.box(60, y, 62, 40, hidden, "-1")
		s.math(place{x: 60, y: y - 28, size: 13, colour: grey}, "h_0")
		for i, x := range []int{1, 5, 7, 4} {
			at := 185 + 125*float64(i)
			s.box(at, y, 78, 40, hidden, fmt.Sprintf("%.4f", states[k][i]))
			s.math(place{x: at, y: y - 28, size: 13, colour: grey}, fmt.Sprintf("h_%d", i+1))
			s.box(at, y+75, 46, 34, inputs, fmt.Sprint(x))
			s.arrow(grey, at, y+58, at, y+21)
			from := at - 125 + 39
			if i == 0 {
				from = 91
			}
			s.arrow(grey, from, y, at-40, y)
			slope := 1 - states[k][i]*states[k][i]
			s.text(place{x: at + 29, y: y + 45, anchor: "start", size: 12, colour: falling}, fmt.Sprintf("slope %.2f", slope))
		}
		s.box(715, y, 90, 40, written, fmt.Sprintf("%.4f", outs[k][0]))
		s.math(place{x: 715, y: y - 28, size: 13, colour: grey}, "y")
		s.arrow(grey, 599, y, 669, y)
	}
	picture(t, "scalar", s.end())
}

// An encoder and a decoder, on a word of the transliteration.
func TestPictureEncoderDecoder(t *testing.T) {
	s := newSVG(800, 330, "An encoder reads n, a, m, i; its last states h and c are the first of the decoder, which "+
		"writes three characters and the end")
	source, target := []string{"n", "a", "m", "i", "end"}, []string{"न", "म", "ि", "end"}
	read := append([]string{"start"}, target[:3]...)
	word := func(x, y float64, colour, w string) {
		s.box(x, y, 50, 36, colour, "")
		s.text(place{x: x, y: y + 5, colour: colour, size: 15}, w)
	}
	for i, w := range source {
		x := 60 + 78*float64(i)
		word(x, 260, inputs, w)
		s.box(x, 165, 54, 44, hidden, fmt.Sprintf("h_%d", i+1))
		s.arrow(grey, x, 242, x, 188)
		if i > 0 {
			s.arrow(grey, x-51, 165, x-28, 165)
		}
	}
	s.arrowWide(hidden, 2.5, 399, 165, 475, 165)
	s.math(place{x: 437, y: 150, colour: hidden}, "h, c")
	for i, w := range target {
		x := 504 + 83*float64(i)
		word(x, 260, inputs, read[i])
		s.box(x, 165, 54, 44, purple, fmt.Sprintf("s_%d", i+1))
		word(x, 70, written, w)
		s.arrow(grey, x, 242, x, 188)
		s.arrow(grey, x, 143, x, 89)
		if i > 0 {
			s.arrow(grey, x-56, 165, x-28, 165)
			s.add(`<path d="M %s 78 C %s 100, %s 225, %s 246" fill="none" stroke="%s" stroke-width="1.5" stroke-dasharray="4 3"/>`,
				num(x-57), num(x-35), num(x-50), num(x-26), written)
		}
	}
	s.text(place{x: 216, y: 310, size: 13, colour: grey}, "encoder: reads, writes nothing")
	s.text(place{x: 628, y: 310, size: 13, colour: grey}, "decoder: reads what it wrote (dashed)")
	picture(t, "encoder-decoder", s.end())
}

// How much of h_0 is left in h_T.
func TestPictureVanishing(t *testing.T) {
	computed := make([][]float64, len(vanishingCells))
	for i, row := range jacobians() {
		for _, x := range row {
			computed[i] = append(computed[i], math.Log10(x))
		}
	}
	rows := recorded(t, "vanishing", 0.01, computed)
	s := newSVG(720, 400, "The derivative of the state after T steps by the first state: it falls to 1e-33 for an RNN "+
		"in 100 steps and stays near 0.1 for an LSTM whose forget gate is open")
	c := &chart{svg: s, left: 70, top: 45, width: 490, height: 290}
	const least = -36
	for y := 0; y >= least; y -= 6 {
		c.tickY(1-float64(y)/least, strings.Replace(fmt.Sprintf("1e%d", y), "1e0", "1", 1))
	}
	c.axes("T, steps", "‖∂h_T/∂h_0‖ / √H")
	for x := 0; x <= 100; x += 20 {
		c.tickX(float64(x)/100, fmt.Sprint(x))
	}
	for i, row := range rows {
		var points []float64
		for k, y := range row {
			points = append(points, float64(vanishingSteps[k])/100, 1-y/least)
		}
		colour := []string{falling, inputs, hidden, purple, written}[i]
		c.curve(colour, points...)
		s.text(place{x: 568, y: c.top + (1-points[len(points)-1])*c.height + 4, anchor: "start", colour: colour},
			vanishingCells[i].name)
	}
	picture(t, "vanishing", s.end())
}

// A decoder that attends to the states of the encoder.
func TestPictureAttention(t *testing.T) {
	s := newSVG(800, 400,
		"At each step the decoder compares its state with every state of the encoder, and reads their weighted mean")
	source := []string{"3", "May", "1979"}
	weights := []float64{0.1, 0.85, 0.05}
	for i, w := range source {
		x := 100 + 150*float64(i)
		s.box(x, 345, 70, 36, inputs, "")
		s.text(place{x: x, y: 350, colour: inputs, size: 15}, w)
		s.box(x, 260, 70, 44, hidden, fmt.Sprintf("h_%d", i+1))
		s.arrow(grey, x, 327, x, 283)
		if i > 0 {
			s.arrow(grey, x-115, 254, x-36, 254)
			s.arrow(grey, x-36, 266, x-115, 266)
		}
		s.arrowWide(hidden, 1+7*weights[i], x, 238, 250+12*float64(i-1), 137)
		s.math(place{x: []float64{126, 262, 355}[i], y: 185, anchor: "start", colour: hidden, size: 15},
			fmt.Sprintf("α_%d", i+1))
	}
	s.box(250, 112, 150, 46, written, "c = Σ α_i h_i")
	s.arrow(grey, 326, 112, 529, 112)
	s.box(565, 112, 70, 46, purple, "s_t")
	s.box(700, 112, 60, 40, written, "y_t")
	s.arrow(grey, 601, 112, 669, 112)
	s.box(565, 260, 90, 44, purple, "s_{t-1}")
	s.arrow(grey, 565, 237, 565, 136)
	s.box(565, 345, 70, 36, inputs, "y_{t-1}")
	s.add(`<path d="M 601 345 C 680 345, 680 190, 590 137" fill="none" stroke="%s" stroke-width="1.5"/>`, grey)
	s.arrow(grey, 598, 143, 588, 136)
	s.add(`<g stroke-dasharray="4 3">`)
	s.line(purple, 1.5, 520, 250, 440, 250)
	s.add(`</g>`)
	s.math(place{x: 480, y: 238, colour: purple, size: 14}, "score(s, h_i)")
	s.text(place{x: 30, y: 40, anchor: "start", size: 15}, "Which states of the encoder does this step need?")
	s.math(place{x: 30, y: 66, anchor: "start", size: 15, colour: grey}, "α_i = softmax of score(s_{t-1}, h_i) over i")
	picture(t, "attention", s.end())
}

// The loss of the classifier of names.
func TestPictureNames(t *testing.T) {
	m, losses := learnNames()
	defer m.Close()
	row := recorded(t, "names", 0.02, [][]float64{losses})[0]
	s := newSVG(640, 300, "The loss of the classifier of names falls from 1.15 to nearly 0 in 100 steps")
	c := &chart{svg: s, left: 70, top: 45, width: 530, height: 190}
	const most = 1.25
	for _, y := range []float64{0, 0.25, 0.5, 0.75, 1} {
		c.tickY(y/most, fmt.Sprint(y))
	}
	guess := math.Log(3) / most
	s.add(`<g stroke-dasharray="4 4">`)
	c.curve(grey, 0, guess, 1, guess)
	s.add(`</g>`)
	s.text(place{x: 596, y: c.top + (1-guess)*c.height - 6, anchor: "end", size: 12, colour: grey},
		"ln 3: to guess among three")
	c.axes("steps of Adam", "loss, nats per name")
	var points []float64
	for i, loss := range row {
		points = append(points, float64(i)/100, loss/most)
	}
	c.curve(hidden, points...)
	for x := 0; x <= 100; x += 20 {
		c.tickX(float64(x)/100, fmt.Sprint(x))
	}
	picture(t, "names-loss", s.end())
}

// heat is a colour of white to blue.
func heat(x float64) string {
	mix := func(from, to float64) int { return int(math.Round(from + (to-from)*x)) }
	return fmt.Sprintf("#%02x%02x%02x", mix(255, 5), mix(255, 80), mix(255, 174))
}

// Where the decoder looked while it wrote two dates.
func TestPictureAlignment(t *testing.T) {
	m := learnDates()
	const cell = 24
	s := newSVG(720, 740, "Heat map of attention: the digits of the year look at the year, those of the month at its "+
		"name, those of the day at the day")
	top := 40.0
	for k, date := range shownDates {
		target, weights := m.translate(date)
		rows := recorded(t, fmt.Sprintf("alignment-%d", k+1), 0.02, weights)
		columns := append([]rune(date), '⏎')
		left := 130.0
		for i, r := range columns {
			s.code(place{x: left + cell*(float64(i)+0.5), y: top + 22, size: 16, colour: inputs}, visible(r))
		}
		for j, row := range rows {
			y := top + 34 + cell*float64(j)
			s.code(place{x: left - 14, y: y + 17, size: 16, colour: written}, visible(append([]rune(target), '⏎')[j]))
			for i, w := range row {
				s.add(`<rect x="%s" y="%s" width="%d" height="%d" fill="%s" stroke="#eaeef2" stroke-width="1"/>`,
					num(left+cell*float64(i)), num(y), cell, cell, heat(w))
			}
		}
		s.add(`<text x="96" y="%s" transform="rotate(-90 84 %s)" text-anchor="middle" fill="%s">writes</text>`,
			num(top+34+cell*5.5), num(top+34+cell*5.5), grey)
		s.text(place{x: left, y: top, anchor: "start", colour: grey}, "reads")
		top += 345
	}
	for i := range 101 {
		s.add(`<rect x="%s" y="712" width="2" height="10" fill="%s"/>`, num(440+1.6*float64(i)), heat(float64(i)/100))
	}
	s.text(place{x: 430, y: 722, anchor: "end", size: 12, colour: grey}, "weight  0")
	s.text(place{x: 610, y: 722, anchor: "start", size: 12, colour: grey}, "1")
	picture(t, "alignment", s.end())
}

// visible is a character that can be seen.
func visible(r rune) string {
	if r == ' ' {
		return "␣"
	}
	return string(r)
}

// The probabilities of "hello" before and after training.
func TestPictureHello(t *testing.T) {
	m := newHello()
	probabilities := func() []float64 {
		var p []float64
		for _, x := range compute(m.b, m.probabilities)[0] {
			p = append(p, float64(x))
		}
		return p
	}
	before := probabilities()
	for range 100 {
		m.train()
	}
	rows := recorded(t, "hello", 0.01, [][]float64{before, probabilities()})
	s := newSVG(720, 300, "Probabilities of the next letter in hello, before training and after 100 steps: afterwards "+
		"e, l, l, o are nearly certain")
	for k, p := range rows {
		left := 90 + 340*float64(k)
		s.text(place{x: left - 45, y: 36, anchor: "start", size: 15}, []string{"before training", "after 100 steps"}[k])
		s.text(place{x: left + 115, y: 280, colour: inputs}, "reads")
		for t, letter := range "hell" {
			x := left + 58*float64(t)
			s.code(place{x: x + 28, y: 258, size: 18, colour: inputs}, string(letter))
			for v := range 4 {
				y := 55 + 45*float64(v)
				w := p[4*t+v]
				s.add(`<rect x="%s" y="%s" width="56" height="43" rx="4" fill="%s" stroke="%s"/>`, num(x), num(y),
					heat(0.9*w), faint)
				colour := ink
				if w > 0.5 {
					colour = "#ffffff"
				}
				s.text(place{x: x + 28, y: y + 27, colour: colour}, fmt.Sprintf("%.2f", w))
				if "ello"[t] == letters[v] {
					s.add(`<rect x="%s" y="%s" width="56" height="43" rx="4" fill="none" stroke="%s" stroke-width="2.5"/>`, num(x), num(y), written)
				}
			}
		}
		for v := range 4 {
			s.code(place{x: left - 20, y: 82 + 45*float64(v), size: 18, colour: written}, string(letters[v]))
		}
	}
	s.text(place{x: 700, y: 36, anchor: "end", size: 13, colour: written}, "framed: the letter that comes next")
	picture(t, "hello", s.end())
}

// The five shapes in which a recurrent network is used.
func TestPictureShapes(t *testing.T) {
	s := newSVG(920, 300, "Five ways to wire one recurrence: one to one, one to many, many to one, many to many in "+
		"step, many to many of other lengths")
	left := 55.0
	for _, w := range []struct {
		name         string
		steps        int
		reads, gives []int
		spread       bool // every step reads the one input
	}{
		{"one to one", 1, []int{0}, []int{0}, false},
		{"one to many", 3, []int{0}, []int{0, 1, 2}, true},
		{"many to one", 3, []int{0, 1, 2}, []int{2}, false},
		{"in step", 3, []int{0, 1, 2}, []int{0, 1, 2}, false},
		{"other lengths", 5, []int{0, 1, 2}, []int{2, 3, 4}, false},
	} {
		at := func(i int) float64 { return left + 50*float64(i) }
		for i := range w.steps {
			s.box(at(i), 150, 34, 50, hidden, "")
			if i > 0 {
				s.arrow(grey, at(i)-33, 150, at(i)-18, 150)
			}
		}
		for _, i := range w.reads {
			s.box(at(i), 230, 34, 34, inputs, "")
			s.arrow(grey, at(i), 213, at(i), 177)
			for j := 1; w.spread && j < w.steps; j++ {
				s.arrow(grey, at(i)+14, 213, at(j)-8, 177)
			}
		}
		for _, i := range w.gives {
			s.box(at(i), 70, 34, 34, written, "")
			s.arrow(grey, at(i), 125, at(i), 89)
		}
		s.text(place{x: (at(0) + at(w.steps-1)) / 2, y: 280, size: 13}, w.name)
		left = at(w.steps-1) + 75
	}
	s.text(place{x: 30, y: 32, anchor: "start", size: 13, colour: written}, "output")
	s.text(place{x: 90, y: 32, anchor: "start", size: 13, colour: hidden}, "state")
	s.text(place{x: 140, y: 32, anchor: "start", size: 13, colour: inputs}, "input")
	picture(t, "shapes", s.end())
}

// An image as a sequence of rows: a ring, as a handwritten 0 would be.
func TestPictureRows(t *testing.T) {
	s := newSVG(800, 300,
		"An image of 28 by 28 is read row by row, from the top; after row 28 the last state gives ten scores")
	const pixel, left, top, rows = 8, 40, 40, 28
	for r := range rows {
		for c := range rows {
			x, y := (float64(c)-13.5)/7, (float64(r)-13.5)/9.5
			light := math.Max(0, 1-math.Pow((math.Hypot(x, y)-1)/0.3, 2))
			s.add(`<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, left+pixel*c, top+pixel*r, pixel, pixel,
				heat(0.05+0.9*light))
		}
	}
	s.text(place{x: left + 112, y: 284, size: 13, colour: grey}, "28 rows of 28 numbers")
	right := float64(left + pixel*rows)
	for i, row := range []int{1, 10, 19, 28} {
		x, y := 370+100*float64(i), top+pixel*(float64(row)-0.5)
		s.add(`<rect x="%d" y="%s" width="%d" height="%d" fill="none" stroke="%s" stroke-width="1.5"/>`, left,
			num(y-pixel/2), pixel*rows, pixel, inputs)
		s.line(inputs, 1.2, right+2, y, x, y)
		s.arrow(inputs, x, y, x, 152+22*math.Copysign(1, y-152))
		s.math(place{x: right + 12, y: y - 5, anchor: "start", size: 14, colour: inputs}, fmt.Sprintf("x_%d", row))
		s.add(`<rect x="%s" y="130" width="58" height="44" rx="6" fill="#ffffff"/>`, num(x-29))
	}
	for i, row := range []int{1, 10, 19, 28} {
		x := 370 + 100*float64(i)
		s.box(x, 152, 58, 44, hidden, fmt.Sprintf("h_%d", row))
		if i > 0 {
			s.add(`<g stroke-dasharray="2 4">`)
			s.line(grey, 1.5, x-70, 152, x-38, 152)
			s.add(`</g>`)
			s.arrow(grey, x-44, 152, x-30, 152)
		}
	}
	s.arrow(grey, 700, 152, 723, 152)
	s.box(752, 152, 54, 44, written, "")
	s.text(place{x: 752, y: 150, size: 13, colour: written}, "ten")
	s.text(place{x: 752, y: 166, size: 13, colour: written}, "scores")
	picture(t, "rows", s.end())
}
