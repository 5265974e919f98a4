package series

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// atFile are the lines of a file with a header of keys, as .ts and .tsf files have: comments begin with # or %,
// keys with @, in any case and order, and after @data a line is a series.
type atFile struct {
	*file
	lines *datasets.Lines
}

func (f *file) at() *atFile {
	lines := datasets.NewLines(f.name, bytes.NewReader(f.data))
	lines.Max = maxLine
	return &atFile{f, lines}
}

// next is the next line that is neither blank nor a comment; io.EOF after the last.
func (a *atFile) next() (string, error) {
	for {
		line, err := a.lines.Read()
		if err != nil || line != "" && line[0] != '#' && line[0] != '%' {
			return line, err
		}
	}
}

// header calls key with the keys, in lower case, and their values, up to @data.
func (a *atFile) header(key func(name string, values []string) error) error {
	for {
		line, err := a.next()
		switch {
		case err == io.EOF:
			return a.wrong(0, "it has no @data, after which the series are: complete it, or choose another file")
		case err != nil:
			return err
		case line[0] != '@':
			return a.wrong(a.lines.Line(), "%s stands before @data, and is neither a key, which begins with @, nor a "+
				"comment: correct it", shown(line))
		}
		fields := strings.Fields(line)
		name := strings.ToLower(fields[0][1:])
		if name == "data" {
			return nil
		}
		if err := key(name, fields[1:]); err != nil {
			return err
		}
	}
}

// rows calls row with the lines after the header.
func (a *atFile) rows(row func(line string) error) error {
	for {
		line, err := a.next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = row(line)
		}
		if err != nil {
			return err
		}
	}
}

// yes reads a value that is true or false.
func (a *atFile) yes(name string, values []string) (bool, error) {
	switch strings.ToLower(strings.Join(values[:min(1, len(values))], "")) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, a.wrong(a.lines.Line(), "@%s is %s: it must be true or false", name, shown(strings.Join(values, " ")))
}

// numbers reads values with commas between.
func (a *atFile) numbers(list string) ([]float64, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	if err := a.hold(strings.Count(list, ",")+1, a.lines.Line()); err != nil {
		return nil, err
	}
	values := make([]float64, 0, strings.Count(list, ",")+1)
	for cell := range strings.SplitSeq(list, ",") {
		x, what := number(strings.TrimSpace(cell))
		if what != "" {
			return nil, a.wrong(a.lines.Line(), "value %d: %s", len(values)+1, what)
		}
		values = append(values, x)
	}
	return values, nil
}

// some are the first of names.
func some(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most-1], ", "), len(names)-most+1)
}
