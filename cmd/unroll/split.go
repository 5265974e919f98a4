package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// What is held out of data that come in one piece: of a text its end, of examples and pairs some that are drawn.

// heldOutPart is the part of examples or pairs that is held out unless --hold-out says otherwise.
const heldOutPart = 0.1

// holdOutFlags say how much is held out.
type holdOutFlags struct {
	HoldOut *float64 `group:"Data:" placeholder:"PART" help:"Hold out this part of the data to measure on, drawn with --seed. Default: 0.1."`
}

// into writes the flag into a config; own says what stands against it: a flag that names other data to measure on, or a task.
func (f *holdOutFlags) into(d *dataConfig, own string) error {
	switch {
	case f.HoldOut == nil:
		return nil
	case !(*f.HoldOut > 0 && *f.HoldOut < 1):
		return usage("--hold-out is %g: it must be larger than 0 and less than 1", *f.HoldOut)
	case own != "":
		return usage("--hold-out and %s both say what is measured on: leave one of them out", own)
	}
	d.HoldOut = *f.HoldOut
	return nil
}

// heldOut is the part of examples or pairs that a config holds out.
func (d *dataConfig) heldOut() float64 {
	if d.HoldOut > 0 {
		return d.HoldOut
	}
	return heldOutPart
}

// percents are the parts of a text that a config asks for, in the order of the text: to train on, to measure on while training and, if
// there are three, to measure on at the end.
func (d *dataConfig) percents() ([]int, error) {
	if d.Split == "" {
		return []int{90, 10}, nil
	}
	var percents []int
	sum := 0
	for _, s := range strings.Split(d.Split, "/") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, usage("--split is %q: it must be two or three numbers of percents with slashes between, such as 80/10/10", d.Split)
		}
		percents = append(percents, n)
		sum += n
	}
	if len(percents) < 2 || len(percents) > 3 || sum != 100 {
		return nil, usage("--split is %q: it must be two or three numbers that add up to 100", d.Split)
	}
	return percents, nil
}

// cut cuts a text into the parts of a config that was checked: at characters, or where words end.
func (c *config) cut(t *datasets.Text) ([]*datasets.Text, error) {
	percents, err := c.Data.percents()
	if err != nil {
		return nil, err
	}
	var at []int
	sum := 0
	for _, p := range percents[:len(percents)-1] {
		sum += p
		at = append(at, t.Len()*sum/100)
	}
	return t.Cut(c.Model.kind() != datasets.Char, at...)
}

// last says in words which part of a text is measured at the end, and which split that is.
func (d *dataConfig) last(text string) (words, split string) {
	percents, err := d.percents()
	if err != nil { // was checked
		panic(err)
	}
	words = fmt.Sprintf("the part of %s that training held out, its last %d%%", text, percents[len(percents)-1])
	if len(percents) == 3 {
		return words + ", which was kept for this", splitTest
	}
	return words, splitHeldOut
}
