package series

import (
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// ts is a .ts file of the UEA archive. After @data a line is a case: its channels and its label, with colons
// between; a channel is its values, or (time, value) pairs, with commas between.
type ts struct {
	*atFile
	Cases
	dimensions int // 0: not said
	univariate bool
	lengths    int // of every series; 0: not said
	others     int // cases of other lengths
	uneven     int // cases with channels of unequal lengths
}

func readTS(f *file) (*Cases, error) {
	r := &ts{atFile: f.at()}
	r.Unlabelled = true
	if err := r.header(r.key); err != nil {
		return nil, err
	}
	if r.univariate && r.dimensions == 0 {
		r.dimensions = 1
	}
	if err := r.rows(r.row); err != nil {
		return nil, err
	}
	r.Channels = r.dimensions
	if r.others > 0 {
		r.note("@seriesLength is %d, and %s not of that length: perhaps they are cut off",
			r.lengths, words.Count(r.others, "case is", "cases are"))
	}
	if r.uneven > 0 {
		r.note("%s channels of unequal lengths, of which the shorter end in missing values",
			words.Count(r.uneven, "case has", "cases have"))
	}
	return &r.Cases, nil
}

// key reads a key of the header. Those that say what the data show anyway are not needed.
func (r *ts) key(name string, values []string) (err error) {
	switch name {
	case "univariate":
		r.univariate, err = r.yes(name, values)
	case "dimension", "dimensions":
		r.dimensions, err = r.count(name, values)
	case "serieslength":
		r.lengths, err = r.count(name, values)
	case "classlabel", "targetlabel":
		var labelled bool
		if labelled, err = r.yes(name, values); err != nil || !labelled {
			return err
		}
		if !r.Unlabelled {
			return r.wrong(r.lines.Line(), "it has @classLabel true and @targetLabel true, or one of them twice: keep one")
		}
		r.Unlabelled, r.Regression = false, name == "targetlabel"
		if name == "classlabel" && len(values) > 1 {
			r.Classes = values[1:]
			if i := doubled(r.Classes); i >= 0 {
				return r.wrong(r.lines.Line(), "@classLabel has %s twice: keep one", shown(r.Classes[i]))
			}
		}
	}
	return err
}

// doubled is where a name stands that stands before; -1 if none does.
func doubled(names []string) int {
	seen := make(map[string]bool, len(names))
	return slices.IndexFunc(names, func(name string) bool {
		was := seen[name]
		seen[name] = true
		return was
	})
}

func (r *ts) count(name string, values []string) (int, error) {
	n, err := strconv.Atoi(strings.Join(values[:min(1, len(values))], ""))
	if err != nil || n < 1 {
		return 0, r.wrong(r.lines.Line(), "@%s is %s: it must be a number from 1", name, shown(strings.Join(values, " ")))
	}
	return n, nil
}

// row reads a case.
func (r *ts) row(line string) error {
	at := r.lines.Line()
	parts, err := r.parts(line)
	if err != nil {
		return err
	}
	c := Case{Line: at}
	if !r.Unlabelled {
		last := len(parts) - 1
		if last == 0 {
			return r.wrong(at, "no colon: a case is its values, a colon and its label")
		}
		c.Label, parts = strings.TrimSpace(parts[last]), parts[:last]
	}
	if r.dimensions == 0 {
		r.dimensions = len(parts)
	}
	if len(parts) != r.dimensions {
		return r.wrong(at, "%s, and %d are wanted: complete the line, or correct @dimensions",
			words.Count(len(parts), "channel", "channels"), r.dimensions)
	}
	if err := r.hold(ofSeries, at); err != nil {
		return err
	}
	for _, part := range parts {
		values, err := r.channel(part)
		if err != nil {
			return err
		}
		c.Values = append(c.Values, values)
	}
	if err := r.level(&c); err != nil {
		return err
	}
	r.Cases.Cases = append(r.Cases.Cases, c)
	return nil
}

// level makes the channels of a case equally long.
func (r *ts) level(c *Case) error {
	longest := 0
	for _, v := range c.Values {
		longest = max(longest, len(v))
	}
	even := true
	for i, v := range c.Values {
		if missing := longest - len(v); missing > 0 {
			even = false
			if err := r.hold(missing, c.Line); err != nil {
				return err
			}
			c.Values[i] = append(v, missingValues(missing)...)
		}
	}
	if !even {
		r.uneven++
	}
	if r.lengths > 0 && r.lengths != longest {
		r.others++
	}
	return nil
}

// parts cuts a line at colons that are not within parentheses: times have colons.
func (r *ts) parts(line string) ([]string, error) {
	if !strings.Contains(line, "(") {
		return strings.Split(line, ":"), nil
	}
	var parts []string
	begin, open := 0, false
	for i := range len(line) {
		switch b := line[i]; {
		case b == '(' && open, b == ')' && !open:
			return nil, r.wrong(r.lines.Line(), "the parentheses do not match: a value with its time is (time,value)")
		case b == '(', b == ')':
			open = !open
		case b == ':' && !open:
			parts, begin = append(parts, line[begin:i]), i+1
		}
	}
	if open {
		return nil, r.wrong(r.lines.Line(), "a parenthesis is not closed: a value with its time is (time,value)")
	}
	return append(parts, line[begin:]), nil
}

// channel reads the values of a channel.
func (r *ts) channel(part string) ([]float64, error) {
	if part = strings.TrimSpace(part); strings.HasPrefix(part, "(") {
		return r.timed(part)
	}
	return r.numbers(part)
}
