package run

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// What is held out of data that come in one piece, for validation: of a text its end, of examples and pairs
// some that are drawn.

// validPart is the part of examples or pairs that is for validation unless Data.HoldOut says otherwise.
const validPart = 0.1

// validShare is the part of examples or pairs that a config has for validation.
func (d *Data) validShare() float64 {
	if d.HoldOut > 0 {
		return d.HoldOut
	}
	return validPart
}

// checkReading says whether examples are read and divided as they were when the run was trained.
func (d *Data) checkReading() error {
	if d.Reading == currentReading {
		return nil
	}
	return badData("the run was made by another version of unroll, which held out other examples: measure on data that "+
		"it has not seen with `valid_%s`", d.Train.Kind)
}

// percents are the parts of a text that a config asks for, in the order of the text: to train on, to measure on
// while training and, if there are three, to measure on at the end.
func (d *Data) percents() ([]int, error) {
	if d.Split == "" {
		return []int{90, 10}, nil
	}
	var percents []int
	sum := 0
	for _, s := range strings.Split(d.Split, "/") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, settings(
				"`split` is %q: it must be two or three numbers of percents with slashes between, such as 80/10/10", d.Split,
			)
		}
		percents = append(percents, n)
		sum += n
	}
	if len(percents) < 2 || len(percents) > 3 || sum != 100 {
		return nil, settings("`split` is %q: it must be two or three numbers that add up to 100", d.Split)
	}
	return percents, nil
}

// cut cuts a text into the parts of a config that was checked: at characters, or where words end.
func (c *Config) cut(t *datasets.Text) ([]*datasets.Text, error) {
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
	return t.Cut(c.Model.tokenKind() != datasets.Char, at...)
}

// last says in words which part of a text is measured at the end, and which split that is.
func (d *Data) last(text string) (what, split string) {
	percents, err := d.percents()
	if err != nil { // was checked
		panic(err)
	}
	n := percents[len(percents)-1]
	if len(percents) == 3 {
		return fmt.Sprintf("the last %d%% of %s, which were kept for this", n, text), SplitTest
	}
	return fmt.Sprintf("the validation part of %s, its last %d%%", text, n), SplitValidation
}
