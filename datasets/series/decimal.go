package series

import (
	"bytes"
	"regexp"

	"github.com/unroll-ml/unroll/datasets"
)

// records are those of a table, whose decimal commas become points.
type records struct {
	*file
	*datasets.Records
}

func (f *file) records() records {
	return records{f, datasets.NewRecords(f.name, f.data, 0, maxRecord)}
}

func (r records) Read() (cells [][]byte, line int, err error) {
	cells, line, err = r.Records.Read()
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
