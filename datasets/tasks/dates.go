package tasks

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/datasets"
)

// Forms are the ways in which the task "dates" writes a date, of the 3rd of May, 1979. With slashes the month
// comes first, as in the United States, unless the year does; with full stops the day does. Years are those
// from 1950 to 2049, so that two digits are enough. No text can be read as two dates.
var Forms = []string{
	"1979-05-03",
	"3 May 1979",
	"May 3, 1979",
	"3rd of May, 1979",
	"May 3rd 1979",
	"Thursday, May 3, 1979",
	"Thu 3 May 1979",
	"the third of may 1979",
	"03.05.1979",
	"3.5.79",
	"5/3/1979",
	"05/03/79",
	"1979/05/03",
	"3-May-79",
	"03 MAY 1979",
	"19790503",
	"may 3 '79",
	"on Thursday 3rd May 1979",
	"1979, May 3",
	"3. May 1979",
}

// write are the forms in the order of Forms.
var write = []func(time.Time) string{
	layout("2006-01-02"),
	layout("2 January 2006"),
	layout("January 2, 2006"),
	func(d time.Time) string { return ordinal(d.Day()) + d.Format(" of January, 2006") },
	func(d time.Time) string { return d.Format("January ") + ordinal(d.Day()) + d.Format(" 2006") },
	layout("Monday, January 2, 2006"),
	layout("Mon 2 Jan 2006"),
	func(d time.Time) string {
		return "the " + ordinals[d.Day()-1] + " of " + strings.ToLower(d.Format("January 2006"))
	},
	layout("02.01.2006"),
	layout("2.1.06"),
	layout("1/2/2006"),
	layout("01/02/06"),
	layout("2006/01/02"),
	layout("2-Jan-06"),
	func(d time.Time) string { return strings.ToUpper(d.Format("02 Jan 2006")) },
	layout("20060102"),
	func(d time.Time) string { return strings.ToLower(d.Format("January 2 '06")) },
	func(d time.Time) string { return d.Format("on Monday ") + ordinal(d.Day()) + d.Format(" January 2006") },
	layout("2006, January 2"),
	layout("2. Jan 2006"),
}

func layout(s string) func(time.Time) string {
	return func(d time.Time) string { return d.Format(s) }
}

// ordinal is 1st, 2nd, 3rd, 4th ...
func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}

var ordinals = strings.Fields(
	"first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth " +
		"sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth " +
		"twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first",
)

var firstDay = time.Date(1950, time.January, 1, 0, 0, 0, 0, time.UTC)

const (
	numDays   = 36525 // 1950 to 2049, of which 25 are leap years
	heldOut   = 10    // a day in so many is for measuring only, in all its forms
	validDays = numDays / heldOut
)

// date is a day from firstDay on, in one of the forms.
func date(day, form int) datasets.Pair {
	d := firstDay.AddDate(0, 0, day)
	return datasets.Pair{Source: write[form](d), Target: d.Format(time.DateOnly)}
}

// dates divides the days first, so that a date to measure on was never seen in any form.
func dates(c Config) (train, valid []datasets.Pair, err error) {
	random := rand.New(rand.NewPCG(c.Seed, 0))
	days := random.Perm(numDays)
	draw := func(days []int, n int) ([]datasets.Pair, error) {
		if all := len(days) * len(write); n > all {
			return nil, fmt.Errorf("%d examples of %d: make fewer", n, all)
		}
		pairs := make([]datasets.Pair, n)
		for i, x := range random.Perm(len(days) * len(write))[:n] {
			pairs[i] = date(days[x/len(write)], x%len(write))
		}
		return pairs, nil
	}
	if valid, err = draw(days[:validDays], c.Valid); err != nil {
		return nil, nil, err
	}
	train, err = draw(days[validDays:], c.Train)
	return train, valid, err
}
