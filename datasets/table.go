package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Table holds texts with a label each.
type Table struct {
	Name    string // the file or folder
	SHA256  string // of the file's bytes, uncompressed; of a folder, of the names and hashes of its files
	Rows    []Row
	Skipped Skipped
}

// Row is a text with its label.
type Row struct {
	Text, Label string
	File        string // where it stands
	Line        int
}

// ReadTable reads a file of lines "text TAB label", plain or compressed by gzip. Blank lines are left out. With skip, so are lines
// that cannot be used, and counted; without, the first of them is an *Error.
func ReadTable(path string, skip bool) (*Table, error) {
	t := &Table{Name: path}
	l := &lenient{skip: skip}
	sum, err := eachLine(path, l, func(line []byte, number int) error {
		text, label, ok := bytes.Cut(line, []byte("\t"))
		text, label = bytes.TrimSpace(text), bytes.TrimSpace(label)
		what := ""
		switch {
		case !ok:
			what = "no tab: a line is a text, a tab and its label"
		case bytes.IndexByte(label, '\t') >= 0:
			what = "more than one tab: a line is a text, a tab and its label"
		case len(text) == 0:
			what = "the text before the tab is empty: remove the line or complete it"
		case len(label) == 0:
			what = "the label after the tab is empty: remove the line or complete it"
		default:
			t.Rows = append(t.Rows, Row{Text: string(text), Label: string(label), File: path, Line: number})
			return nil
		}
		return l.bad(&Error{File: path, Line: number, What: what})
	})
	if err != nil {
		return nil, err
	}
	t.SHA256, t.Skipped = sum, l.skipped
	return t, t.check("no examples: a line is a text, a tab and its label")
}

// ReadFolder reads a folder with one file for each label: LABEL.txt or LABEL.txt.gz, one text a line. Files with other names are
// left out, and so are README, LICENSE and PROVENANCE, blank lines, and folders. skip is as in ReadTable.
func ReadFolder(dir string, skip bool) (*Table, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	t := &Table{Name: dir}
	l := &lenient{skip: skip}
	sums := sha256.New()
	seen := map[string]bool{}
	for _, e := range entries {
		label, ok := labelOf(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if seen[label] {
			return nil, &Error{File: path, What: fmt.Sprintf("a second file of the label %q: remove one of them", label)}
		}
		seen[label] = true
		before := len(t.Rows)
		sum, err := eachLine(path, l, func(line []byte, number int) error {
			t.Rows = append(t.Rows, Row{Text: string(bytes.TrimSpace(line)), Label: label, File: path, Line: number})
			return nil
		})
		if err == nil && len(t.Rows) == before {
			err = l.bad(&Error{File: path, What: "no examples of this label: remove the file or complete it"})
		}
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sums, "%s  %s\n", sum, label)
	}
	t.SHA256, t.Skipped = hex.EncodeToString(sums.Sum(nil)), l.skipped
	return t, t.check("no examples: the folder should hold a file LABEL.txt or LABEL.txt.gz for each label")
}

// labelOf is the label of a file; false if it is none of the files of labels.
func labelOf(name string) (string, bool) {
	label, ok := strings.CutSuffix(strings.TrimSuffix(name, ".gz"), ".txt")
	about := slices.Contains([]string{"README", "LICENSE", "PROVENANCE"}, strings.ToUpper(label))
	return label, ok && label != "" && !strings.HasPrefix(label, ".") && !about
}

// check says whether there is anything to learn in a table.
func (t *Table) check(none string) error {
	if len(t.Rows) == 0 {
		if t.Skipped.Count > 0 {
			return &Error{File: t.Name, What: fmt.Sprintf("all %d lines had to be left out, the first because: %v", t.Skipped.Count, t.Skipped.First)}
		}
		return &Error{File: t.Name, What: none}
	}
	return nil
}

// Labels are the labels of all rows. Fewer than two different ones are an *Error.
func (t *Table) Labels() (*Labels, error) {
	names := make([]string, len(t.Rows))
	for i, r := range t.Rows {
		names[i] = r.Label
	}
	l := NewLabels(names)
	if l.Len() < 2 {
		return nil, &Error{File: t.Name, What: fmt.Sprintf("every label is %q, so there is nothing to learn: use other data", l.Name(0))}
	}
	return l, nil
}

// Classes are the numbers of the rows' labels. A label that l lacks is an *Error.
func (t *Table) Classes(l *Labels) ([]int32, error) {
	classes := make([]int32, len(t.Rows))
	for i, r := range t.Rows {
		class, ok := l.Class(r.Label)
		if !ok {
			return nil, &Error{File: r.File, Line: r.Line, What: fmt.Sprintf("the label %q is not among the %d labels of the training data: correct it, or train with it", r.Label, l.Len())}
		}
		classes[i] = class
	}
	return classes, nil
}

// eachLine calls f with the lines of a file that are not blank, and gives the hash of its contents, uncompressed.
func eachLine(path string, l *lenient, f func(line []byte, number int) error) (sum string, err error) {
	file, err := safefile.Open(path)
	if err != nil {
		return "", errors.WithStack(err)
	}
	defer file.Close()
	data, err := readPlain(file, path)
	if err != nil {
		return "", err
	}
	lines := newLineReader(path, bytes.NewReader(data))
	for {
		line, err := lines.read()
		var e *Error
		switch {
		case err == io.EOF:
			return sha256Hex(data), nil
		case errors.As(err, &e):
			err = l.bad(e)
		case err == nil && len(bytes.TrimSpace(line)) > 0:
			err = f(line, lines.number)
		}
		if err != nil {
			return "", err
		}
	}
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
