package side

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/internal/words"
)

// Table prints results as lines that a person reads.
type Table struct {
	W     io.Writer
	Sides []*Side
	kind  string
}

// The widths of columns: the table of one side fits into 80 characters.
const (
	nameWidth = 34
	sideWidth = 43
)

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
	fmt.Fprintf(&b, "\n%-*s", nameWidth, "")
	for _, s := range t.Sides {
		fmt.Fprintf(&b, " | %-*s", sideWidth, s.Name())
	}
	fmt.Fprintf(&b, "\n%-*s", nameWidth, "")
	for range t.Sides {
		fmt.Fprintf(&b, " | %8s %8s %12s %4s %7s", "median", "p95", "rate", "of", "error")
	}
	if len(t.Sides) > 1 {
		b.WriteString(" | speed-up")
	}
	b.WriteByte('\n')
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
	name = words.Clip(name, nameWidth)
	fmt.Fprintf(&b, "%s%s", name, strings.Repeat(" ", nameWidth-len([]rune(name))))
	for _, x := range r.Times {
		fmt.Fprintf(&b, " | %8s %8s %12s %4s %7.1e", seconds(x.Median), seconds(x.P95), x.rate(), percent(x.Ceiling),
			float64(x.Error))
	}
	if r.Speedup > 0 {
		fmt.Fprintf(&b, " | %7sx", digits(r.Speedup))
	}
	b.WriteByte('\n')
	for _, x := range r.Times {
		if f := x.Floor; f != nil {
			fmt.Fprintf(&b, "  %s: %d launches take %s, memory %s, products %s: measured is %s times the most of these\n",
				x.Device, f.Pieces, seconds(f.Launches), seconds(f.Memory), seconds(f.Products), digits(x.Median/f.Most()))
		}
	}
	_, err := io.WriteString(t.W, b.String())
	return err
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
