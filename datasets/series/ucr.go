package series

import (
	"io"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// readUCR reads a .tsv file of the UCR archive: a line is a label and its values, with tabs between, and NaN after
// the last one of short series.
func readUCR(f *file) (*Cases, error) {
	c := &Cases{Channels: 1}
	records := datasets.NewRecords(f.name, f.data, '\t', maxRecord)
	for {
		cells, line, err := records.Read()
		switch {
		case err == io.EOF:
			return c, nil
		case err != nil:
			return nil, err
		case len(cells) == 1:
			return nil, f.wrong(line, "no tab: a line is a label and its values, with tabs between")
		}
		if err := f.hold(ofSeries+len(cells), line); err != nil {
			return nil, err
		}
		values, err := f.cells(cells, line)
		if err != nil {
			return nil, err
		}
		c.Cases = append(c.Cases, Case{Line: line, Values: [][]float64{values}, Label: strings.TrimSpace(string(cells[0]))})
	}
}

// cells reads the values of a row after its first cell.
func (f *file) cells(cells [][]byte, line int) ([]float64, error) {
	values := make([]float64, len(cells)-1)
	for i, c := range cells[1:] {
		x, what := number(strings.TrimSpace(string(c)))
		if what != "" {
			return nil, f.wrong(line, "column %d: %s", i+2, what)
		}
		values[i] = x
	}
	return values, nil
}
