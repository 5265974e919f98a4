package plots

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
)

func TestBars(t *testing.T) {
	b := &Bars{Title: "time & memory", Groups: []BarGroup{
		{"time", []Bar{{"product", "2 ms", 2}, {"map", "1 ms", 1}, {"copy", "0 ms", 0}}}, {"nothing", []Bar{{"none", "0", 0}}},
	}}
	var svg, png bytes.Buffer
	if err := b.Write(&svg, SVG); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(&png, PNG); err != nil || png.Len() < 1000 {
		t.Fatalf("%d bytes, %v", png.Len(), err)
	}
	if got := texts(t, svg.Bytes()); !strings.Contains(got, "|time|product|2 ms|map|1 ms|copy|0 ms|nothing|none|0") {
		t.Errorf("got %s", got)
	}
	for _, x := range []float64{math.NaN(), -1, math.Inf(1)} {
		if err := (&Bars{Groups: []BarGroup{{"a", []Bar{{Value: x}}}}}).Write(io.Discard, SVG); err == nil {
			t.Errorf("a bar of %g", x)
		}
	}
}
