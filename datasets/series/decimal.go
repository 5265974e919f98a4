package series

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// records are those of a table, whose decimal commas become points.
type records struct {
	*file
	*datasets.Records
	points []points // of columns
}

// records are those from the first one on. What stands between their cells is found out once.
func (f *file) records() *records {
	r := datasets.NewRecords(f.name, f.data, f.delimiter, maxRecord)
	f.delimiter = r.Delimiter()
	return &records{file: f, Records: r}
}

func (r *records) Read() (cells [][]byte, line int, err error) {
	cells, line, err = r.Records.Read()
	if !r.commas && r.delimiter != ',' {
		err = r.judge(cells, line, err)
	}
	if !r.commas || err != nil {
		return cells, line, err
	}
	for i, c := range cells {
		if c := bytes.TrimSpace(c); groupedPoints.Match(c) {
			return nil, line, r.wrong(line, "column %d: %s does not show what its point is, for other numbers have decimal "+
				"commas: write %s", i+1, shown(string(c)), bytes.ReplaceAll(c, []byte("."), nil))
		}
		cells[i] = pointed(c)
	}
	return cells, line, nil
}

// points are what is known of the points in the numbers of a column.
type points struct {
	whole, decimal bool   // there are numbers of at most three digits without one, and with other than three after it
	grouped        int    // how many have three digits after each
	padded         bool   // and end in a zero, as decimals that are as long as they must be do not
	cell           string // the first of those
	line           int
}

var wholeNumber = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}$`)

func (p *points) add(cell []byte, line int) {
	switch at := bytes.IndexByte(cell, '.'); {
	case p.decimal:
	case at < 0:
		p.whole = p.whole || wholeNumber.Match(cell)
	case !groupedPoints.Match(cell):
		p.decimal = isNumber(string(cell))
	default:
		if p.grouped++; p.grouped == 1 {
			p.cell, p.line = string(cell), line
		}
		p.padded = p.padded || cell[len(cell)-1] == '0'
	}
}

// judge looks at the points of a row. Once all rows have been read, which err says, it refuses those that seem to be
// between thousands: whole numbers are beside them, and no decimals.
func (r *records) judge(cells [][]byte, line int, err error) error {
	for i, c := range cells {
		if i == len(r.points) {
			r.points = append(r.points, points{})
		}
		r.points[i].add(bytes.TrimSpace(c), line)
	}
	if err != io.EOF {
		return err
	}
	const many = 30
	for i, p := range r.points {
		if p.whole && !p.decimal && (p.padded || p.grouped >= many) {
			return r.wrong(p.line, "column %d: %s does not show what its point is, for whole numbers of the column have "+
				"none: write %s if it is between thousands, and %s0 if it is a decimal one", i+1, shown(p.cell),
				strings.ReplaceAll(p.cell, ".", ""), p.cell)
		}
	}
	return err
}

var (
	decimalComma  = regexp.MustCompile(`^[+-]?(\d+|\d{1,3}(\.\d{3})+)?,\d+([eE][+-]?\d+)?$`)
	groupedPoints = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}(\.\d{3})+$`)
)

// showsComma says whether a cell has a comma that can only be a decimal one: that of 1,234 may be between thousands.
func showsComma(cell string) bool {
	return decimalComma.MatchString(cell) && !grouped.MatchString(cell)
}

// pointed is a number with a decimal point in place of a comma, without points between thousands; other cells stay as
// they are.
func pointed(cell []byte) []byte {
	trimmed := bytes.TrimSpace(cell)
	if bytes.IndexByte(trimmed, ',') < 0 || !decimalComma.Match(trimmed) {
		return cell
	}
	return bytes.Replace(bytes.ReplaceAll(trimmed, []byte("."), nil), []byte(","), []byte("."), 1)
}
