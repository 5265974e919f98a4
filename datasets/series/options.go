package series

import (
	"strconv"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Options say how a file is written, and what of it is wanted. The zero value is: what the file's name and its
// first lines say. A column is a name that the header has, or a number from 1; what is both is a name.
type Options struct {
	// Layout says what the rows of a table are: Wide, Long, Columns, or "": what they look like.
	Layout string `yaml:"layout,omitempty"`

	// Header says whether the first row of a table has the names of its columns: "yes", "no", or "": if it looks so.
	Header string `yaml:"header,omitempty"`

	// ID is the column with the names of series, several with commas between, or None; "": the one that looks so, and
	// there may be none.
	ID string `yaml:"id,omitempty"`

	// Time is the column with times, or several with commas between, whose cells make a time with blanks between them, or
	// None; "": the one that looks so, with that of times of day, and there may be none.
	Time string `yaml:"time,omitempty"`

	// Targets are the columns with values, of a long table; nil: the only one that is left.
	Targets []string `yaml:"targets,omitempty,flow"`

	// Known are the columns with covariates that are known in advance, and Static those with categories that do not
	// change.
	Known  []string `yaml:"known,omitempty,flow"`
	Static []string `yaml:"static,omitempty,flow"`

	// TimeForm says how times are written where their looks do not: "DD/MM/YYYY" or "MM/DD/YYYY".
	TimeForm string `yaml:"time_form,omitempty"`

	// FillGaps makes missing values of moments that a table leaves out; without it the first of them is an error.
	FillGaps bool `yaml:"fill_gaps,omitempty"`

	// Label is the column with the labels of cases, of a table; "": the one called label or class, and if there is
	// none, of a wide table, the only one with texts, or the first.
	Label string `yaml:"label,omitempty"`

	// Regression says that labels are numbers to predict. A .ts file says it itself.
	Regression bool `yaml:"regression,omitempty"`
}

// What Options.Layout may be, besides "".
const (
	Wide    = "wide"    // a row is a series
	Long    = "long"    // a row is a moment of a series
	Columns = "columns" // a row is a moment, and each column a series
)

// None is the Options.ID of a table that has no column with the names of series, and the Options.Time of one that has
// none with times.
const None = "none"

// The forms of times that do not show which number is the day.
const (
	DayFirst   = "DD/MM/YYYY"
	MonthFirst = "MM/DD/YYYY"
)

// Check says what is wrong with options; what is wrong is a *setting.Error.
func (o Options) Check() error {
	for _, s := range []struct {
		name, value string
		may         []string
	}{
		{"Layout", o.Layout, []string{Wide, Long, Columns}},
		{"Header", o.Header, []string{"yes", "no"}},
		{"TimeForm", o.TimeForm, []string{DayFirst, MonthFirst}},
	} {
		if s.value != "" {
			if err := setting.OneOf(s.name, s.value, s.may); err != nil {
				return err
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range []struct {
		name    string
		columns []string
	}{
		{"ID", []string{o.ID}}, {"Time", []string{o.Time}}, {"Label", []string{o.Label}},
		{"Targets", o.Targets}, {"Known", o.Known}, {"Static", o.Static},
	} {
		for _, c := range s.columns {
			if c == "" {
				if s.name == "Targets" || s.name == "Known" || s.name == "Static" {
					return &setting.Error{Setting: s.name, Value: c, Want: "the name or the number of a column"}
				}
				continue
			}
			if n, err := strconv.Atoi(c); err == nil && (n < 1 || n > maxRecord) {
				return &setting.Error{Setting: s.name, Value: c, Want: "the name of a column, or its number from 1"}
			}
			if seen[c] && c != None {
				return &setting.Error{Setting: s.name, Value: c, Want: "a column that is not wanted for something else"}
			}
			seen[c] = true
		}
	}
	return nil
}

// long says whether columns are wanted that only a table with a row for each moment has.
func (o Options) long() bool {
	return o.Time != "" || o.Targets != nil || o.Known != nil || o.Static != nil
}
