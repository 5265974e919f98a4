package series

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Cases are series of one or more channels, of unequal lengths, with a class or a number each.
type Cases struct {
	Name       string   // the file
	SHA256     string   // of its bytes, uncompressed
	Channels   int      // of every case, at least one
	Classes    []string // of the header, in its order; nil: none given
	Regression bool     // labels are numbers
	Unlabelled bool     // there are no labels
	Cases      []Case   // at least one
	Notes      []string // what was taken for what, and what was left out, in words
}

// Case is one series with its label. It ends with a value: missing ones after it are padding. All channels are
// equally long.
type Case struct {
	Line   int         // of the file
	Values [][]float64 // [channel][t], NaN where a value is missing
	Label  string      // as it is written
	Number float64     // the label as a number, of a regression
}

// Len is the number of steps.
func (c *Case) Len() int { return len(c.Values[0]) }

// Missing is how many values of all cases are missing.
func (c *Cases) Missing() int {
	n := 0
	for _, x := range c.Cases {
		for _, values := range x.Values {
			for _, v := range values {
				if math.IsNaN(v) {
					n++
				}
			}
		}
	}
	return n
}

// ReadCases reads labelled series: .ts files of the UEA archive and .tsv files of the UCR archive by their names,
// and otherwise CSV, with a row for each case or for each moment of one.
func ReadCases(path string, o Options) (*Cases, error) {
	f, err := readFile(path, o)
	if err != nil {
		return nil, err
	}
	var c *Cases
	switch extension(path) {
	case ".ts":
		c, err = readTS(f)
	case ".tsv":
		c, err = readUCR(f)
	case ".tsf":
		err = f.wrong(0, "a .tsf file has series to forecast, and no labels")
	default:
		c, err = readCaseTable(f)
	}
	if err == nil {
		err = c.finish(f)
	}
	if err != nil {
		return nil, err
	}
	f.notePlaceholder(func(visit func([]float64)) {
		for _, x := range c.Cases {
			for _, values := range x.Values {
				visit(values)
			}
		}
	})
	c.Name, c.SHA256, c.Notes = path, sum(f.data), f.notes
	return c, nil
}

// finish cuts the padding of cases, and reads the numbers of labels.
func (c *Cases) finish(f *file) error {
	if len(c.Cases) == 0 {
		return f.wrong(0, "no cases: the file ends before the first")
	}
	c.Regression = c.Regression || f.options.Regression
	for i := range c.Cases {
		x := &c.Cases[i]
		_, to := extent(x.Values)
		if to == 0 {
			return f.wrong(x.Line, "no value: remove the line or complete it")
		}
		for i, v := range x.Values {
			x.Values[i] = v[:to:to]
		}
		if c.Unlabelled {
			continue
		}
		if err := c.label(f, x); err != nil {
			return err
		}
	}
	return nil
}

// label checks a label.
func (c *Cases) label(f *file, x *Case) (err error) {
	switch {
	case c.Regression:
		what := ""
		if x.Number, what = number(x.Label); what != "" {
			return f.wrong(x.Line, "the label: %s", what)
		}
		if math.IsNaN(x.Number) {
			return f.wrong(x.Line, "the label, a number, is missing (%s): remove the line or complete it", shown(x.Label))
		}
	case x.Label == "":
		return f.wrong(x.Line, "the label is empty: remove the line or complete it")
	case c.Classes != nil && !slices.Contains(c.Classes, x.Label):
		return f.wrong(x.Line, "the label %s is not among those of @classLabel (%s): correct one of them",
			shown(x.Label), some(c.Classes))
	}
	return nil
}

// Names are the classes: those of the header in its order, or else the different labels: if all of them are
// numbers, ordered as those, and otherwise by their bytes.
func (c *Cases) Names() []string {
	if c.Classes != nil {
		return c.Classes
	}
	var names []string
	numbers := true
	for _, x := range c.Cases {
		names = append(names, x.Label)
		_, err := strconv.ParseFloat(x.Label, 64)
		numbers = numbers && err == nil
	}
	slices.SortFunc(names, func(a, b string) int {
		if numbers {
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	})
	return slices.Compact(names)
}
