package side

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/internal/words"
)

// Table prints results as lines that a person reads. They fit into 80 characters: of several sides each has a line of
// its own.
type Table struct {
	W     io.Writer
	Sides []*Side
	kind  string
}

const nameWidth = 34 // of the column of names

// Head prints what takes part, and the columns.
func (t *Table) Head() error {
	for _, s := range t.Sides {
		launches := ""
		if s.Piece > 0 {
			launches = ", a small kernel takes " + seconds(s.Piece)
		}
		if _, err := fmt.Fprintf(terminal.Prose(t.W), "%-5s %s: copies at most %s, multiplies at most %s%s\n",
			s.Name(), s.What, bytesPerSecond(s.Copy), flopPerSecond(s.Product), launches); err != nil {
			return err
		}
	}
	var b strings.Builder
	if len(t.Sides) == 1 {
		fmt.Fprintf(&b, "\n%s | %s", inColumn(""), t.Sides[0].Name())
	}
	fmt.Fprintf(&b, "\n%s | %8s %8s %12s %4s %7s\n", inColumn(""), "median", "p95", "rate", "of", "error")
	_, err := io.WriteString(t.W, b.String())
	return err
}

// Line prints a result.
func (t *Table) Line(r Result) error {
	var b strings.Builder
	if r.Kind != t.kind && r.Bench == "kernels" {
		fmt.Fprintln(&b, r.Kind)
	}
	t.kind = r.Kind
	name := "  " + r.Name
	if r.Bench == "models" {
		name = r.Kind + ": " + r.Name
	}
	if len(r.Times) == 1 {
		fmt.Fprintln(&b, inColumn(name)+r.Times[0].columns())
	} else {
		fmt.Fprintln(&b, words.Clip(name, 80))
		for i, x := range r.Times {
			side := "    " + x.Device
			if i > 0 && r.Speedup > 0 {
				side += fmt.Sprintf(", %s times as fast", digits(r.Speedup))
			}
			fmt.Fprintln(&b, inColumn(side)+x.columns())
		}
	}
	if _, err := io.WriteString(t.W, b.String()); err != nil {
		return err
	}
	for _, x := range r.Times {
		f := x.Floor
		if f == nil {
			continue
		}
		if _, err := fmt.Fprintf(terminal.Prose(t.W), "  %s: %d launches take %s, memory %s, products %s: measured is %s times "+
			"the most of these\n", x.Device, f.Pieces, seconds(f.Launches), seconds(f.Memory), seconds(f.Products),
			digits(x.Median/f.Most())); err != nil {
			return err
		}
	}
	return nil
}

// inColumn is a name as wide as the column of names.
func inColumn(name string) string {
	return words.Pad(words.Clip(name, nameWidth), nameWidth)
}

// columns are the numbers of one side.
func (t *Time) columns() string {
	return fmt.Sprintf(" | %8s %8s %12s %4s %7.1e", seconds(t.Median), seconds(t.P95), t.rate(), percent(t.Ceiling),
		float64(t.Error))
}

// rate is the rate that counts: of products their arithmetic, of others their memory.
func (t *Time) rate() string {
	if t.GFLOP > 0 {
		return flopPerSecond(t.GFLOP)
	}
	return bytesPerSecond(t.GB)
}

func flopPerSecond(giga float64) string  { return perSecond(giga, "FLOP") }
func bytesPerSecond(giga float64) string { return perSecond(giga, "B") }

func perSecond(giga float64, what string) string {
	if giga >= 999.5 {
		return fmt.Sprintf("%s T%s/s", digits(giga/1e3), what)
	}
	return fmt.Sprintf("%s G%s/s", digits(giga), what)
}

func percent(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) }

// seconds is a time in the unit that suits it.
func seconds(x float64) string {
	for _, u := range []struct {
		unit string
		size float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if x >= u.size {
			return digits(x/u.size) + " " + u.unit
		}
	}
	return digits(x/1e-9) + " ns"
}

// digits writes three of them, and all that are before the point.
func digits(x float64) string {
	switch {
	case math.Abs(x) >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
