package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Format says how data are written, and what of them is wanted. The zero value is: what the file's name and its
// first line say.
type Format struct {
	// Kind is, of a table or pairs, FormatTSV, FormatCSV, or "": CSV if the file's name ends in .csv or .csv.gz.
	Kind string `yaml:"format,omitempty"`

	// Quoted says that cells with tabs between are quoted as those of CSV are.
	Quoted bool `yaml:"quoted,omitempty"`

	// Columns are the two that are wanted, text and label or source and target: names that the header has, or numbers
	// from 1; what is both is a name. Without them: those that the header's names point to, and otherwise the first two.
	Columns []string `yaml:"columns,omitempty,flow"`

	// Header says whether the first row has the names of the columns: HeaderYes, HeaderNo, or "": if it looks so.
	Header string `yaml:"header,omitempty"`

	// Labels are the labels of a folder that are wanted; nil: all.
	Labels []string `yaml:"labels,omitempty,flow"`

	// Transpose says that images are stored column by column, as those of EMNIST are.
	Transpose bool `yaml:"transpose,omitempty"`

	// SkipBad leaves out rows that cannot be used, and counts them; without it the first of them is an *Error.
	SkipBad bool `yaml:"skip_bad,omitempty"`
}

// What Format.Kind and Format.Header may be, besides "".
const (
	FormatTSV = "tsv" // a line is a row, tabs are between its cells, and a quotation mark is a character like others
	FormatCSV = "csv" // RFC 4180, with commas, semicolons, tabs or bars between cells

	HeaderYes = "yes"
	HeaderNo  = "no"
)

// Check says what is wrong with a format, in the terms of the flags of the command.
func (f Format) Check() error {
	wrong := ""
	switch {
	case !slices.Contains([]string{"", FormatTSV, FormatCSV}, f.Kind):
		wrong = fmt.Sprintf("--format is %q: it must be %s or %s", f.Kind, FormatTSV, FormatCSV)
	case !slices.Contains([]string{"", HeaderYes, HeaderNo}, f.Header):
		wrong = fmt.Sprintf("--header is %q: it must be %s or %s", f.Header, HeaderYes, HeaderNo)
	case f.Quoted && f.Kind == FormatCSV:
		wrong = "--quoted is for cells with tabs between, those of CSV are always quoted so: leave it out"
	case f.Columns != nil && len(f.Columns) != 2:
		wrong = fmt.Sprintf("--columns %s names %d columns: name two, as in --columns 2,1", strings.Join(f.Columns, ","),
			len(f.Columns))
	case f.named() && f.Header == HeaderNo:
		wrong = fmt.Sprintf("--columns %s names columns, and with --header no they have no names: give their numbers",
			strings.Join(f.Columns, ","))
	}
	for i, c := range f.Columns {
		switch n, err := strconv.Atoi(c); {
		case wrong != "":
		case c == "" || err == nil && (n < 1 || n > maxColumns):
			wrong = fmt.Sprintf("--columns has %q: a column is a name or a number from 1 to %d", c, maxColumns)
		case slices.Contains(f.Columns[:i], c):
			wrong = fmt.Sprintf("--columns has %q twice: name two columns", c)
		}
	}
	if wrong != "" {
		return fmt.Errorf("%s", wrong)
	}
	return nil
}

// maxColumns is the most columns that a row may have.
const maxColumns = 10_000

// named says whether columns are wanted by a name.
func (f Format) named() bool {
	return slices.ContainsFunc(f.Columns, func(c string) bool { return !isNumber(c) })
}

// csv says whether a file is read as CSV.
func (f Format) csv(path string) bool {
	return f.Kind == FormatCSV ||
		f.Kind == "" && strings.HasSuffix(strings.ToLower(strings.TrimSuffix(path, ".gz")), ".csv")
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
