package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// ReadFolder reads a folder of texts with labels, in one of two forms, plain or compressed by gzip:
//
//	LABEL.txt        for each label a file, with a text a line; blank lines are left out
//	LABEL/NAME.txt   for each label a folder, with a file for each text, whose lines become one
//
// NAME may also have no suffix. What else is there is left out, and Notes say what; README, LICENSE, PROVENANCE
// and hidden files are in neither. A folder that has both forms is an *Error, unless f.Labels names labels of
// one of them.
func ReadFolder(dir string, f Format) (*Table, error) {
	l, err := listLabels(dir, f.Labels)
	if err != nil {
		return nil, err
	}
	t := &Table{Name: dir, Notes: l.notes(), Format: f}
	r := &folderReader{Table: t, lenient: &lenient{skip: f.SkipBad}, sums: sha256.New()}
	for _, x := range l.labels {
		before := len(t.Rows)
		if l.folders {
			err = r.folder(x)
		} else {
			err = r.file(x)
		}
		if err == nil && len(t.Rows) == before {
			err = r.lenient.bad(&Error{File: x.path, What: "no examples of this label: remove it or complete it"})
		}
		if err != nil {
			return nil, err
		}
	}
	t.SHA256, t.Skipped = hex.EncodeToString(r.sums.Sum(nil)), r.lenient.skipped
	t.Notes = append(t.Notes, r.notes...)
	return t, t.check("no examples: the folder should hold a file LABEL.txt or LABEL.txt.gz for each label, or a folder " +
		"LABEL with a file for each text")
}

// labelSource is a file or folder of a label.
type labelSource struct{ label, path string }

// labelList is what a folder of labels holds.
type labelList struct {
	dir     string
	folders bool // labels are folders, not files
	labels  []labelSource
	others  []string // names that were left out
}

// listLabels finds the labels of a folder; wanted are those that are wanted, nil: all.
func listLabels(dir string, wanted []string) (*labelList, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	l := &labelList{dir: dir}
	var files, folders []labelSource
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // what a link leads to
		label, isText := textName(e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || isAbout(label):
		case err == nil && info.IsDir() && chosen(e.Name(), wanted):
			folders = append(folders, labelSource{e.Name(), path})
		case err == nil && !info.IsDir() && isText && chosen(label, wanted):
			files = append(files, labelSource{label, path})
		default:
			l.others = append(l.others, e.Name())
		}
	}
	folders, empty, err := withTexts(folders)
	if err != nil {
		return nil, err
	}
	switch {
	case len(files) > 0 && len(folders) > 0:
		return nil, &Error{File: dir, What: fmt.Sprintf("files %s and folders %s could all be labels: name the labels with "+
			"--labels, or move away what are none", someOf(files), someOf(folders))}
	case len(folders) > 0:
		l.folders, l.labels = true, folders
	default:
		l.labels = files
	}
	for _, x := range empty {
		l.others = append(l.others, x.label+string(filepath.Separator))
	}
	return l, l.check(wanted, empty)
}

// check says what is wrong with what was found.
func (l *labelList) check(wanted []string, empty []labelSource) error {
	for i, x := range l.labels {
		if i := slices.IndexFunc(l.labels[:i], func(y labelSource) bool { return x.label == y.label }); i >= 0 {
			return &Error{File: x.path, What: fmt.Sprintf("a second file of the label %q: remove one of them", x.label)}
		}
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(l.labels, func(x labelSource) bool { return x.label == name }) {
			return &Error{File: l.dir, What: fmt.Sprintf("it has no texts of the label %q: correct --labels", name)}
		}
	}
	for _, x := range empty {
		inner, err := os.ReadDir(x.path)
		if err == nil && len(l.labels) == 0 && slices.ContainsFunc(inner, fs.DirEntry.IsDir) {
			return &Error{File: l.dir, What: fmt.Sprintf(
				"its folder %s has folders and no texts: name the folder that holds the labels, such as %s", x.label, x.path,
			)}
		}
	}
	return nil
}

// notes say what was left out.
func (l *labelList) notes() []string {
	if len(l.others) == 0 {
		return nil
	}
	what := "a label is a file LABEL.txt"
	if l.folders {
		what = "a label is a folder"
	}
	return []string{fmt.Sprintf("%s: left out %s; %s", l.dir, listed(l.others), what)}
}

// withTexts divides folders into those that hold texts and the others.
func withTexts(folders []labelSource) (with, without []labelSource, err error) {
	for _, x := range folders {
		texts, _, err := textsOf(x.path)
		if err != nil {
			return nil, nil, err
		}
		if len(texts) > 0 {
			with = append(with, x)
		} else {
			without = append(without, x)
		}
	}
	return with, without, nil
}

// textsOf are the names of the texts of a label's folder, and of what else is there.
func textsOf(dir string) (texts, others []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	for _, e := range entries {
		name, isText := textName(e.Name())
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		switch {
		case strings.HasPrefix(e.Name(), ".") || isAbout(name):
		case err == nil && !info.IsDir() && (isText || !strings.Contains(e.Name(), ".")):
			texts = append(texts, e.Name())
		default:
			others = append(others, e.Name())
		}
	}
	return texts, others, nil
}

// textName is the name of a file of texts without its suffix, or all of it if that is not .txt or .txt.gz, in
// letters of any case.
func textName(name string) (_ string, isText bool) {
	lower := strings.TrimSuffix(strings.ToLower(name), ".gz")
	base, ok := strings.CutSuffix(lower, ".txt")
	if !ok || base == "" {
		return name, false
	}
	return name[:len(base)], true
}

// isAbout says whether a file is about data, and none of them.
func isAbout(name string) bool {
	return slices.Contains([]string{"README", "LICENSE", "PROVENANCE"}, strings.ToUpper(name))
}

func chosen(label string, wanted []string) bool {
	return wanted == nil || slices.Contains(wanted, label)
}

func someOf(sources []labelSource) string {
	var names []string
	for _, s := range sources {
		names = append(names, filepath.Base(s.path))
	}
	return listed(names)
}

// listed lists names, not too many.
func listed(names []string) string {
	const some = 5
	if len(names) <= some {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:some-1], ", "), len(names)-some+1)
}

// folderReader reads labels of a folder into a table.
type folderReader struct {
	*Table
	lenient *lenient
	held    held
	sums    hash.Hash
	notes   []string
}

// file reads a label with a text a line.
func (r *folderReader) file(x labelSource) error {
	r.held.file(x.path)
	sum, err := eachLine(x.path, r.lenient, func(line []byte, number int) error {
		if err := r.held.add(1, len(line), x.path, number); err != nil {
			return err
		}
		r.Rows = append(r.Rows, Row{Text: string(line), Label: x.label, File: x.path, Line: number})
		return nil
	})
	fmt.Fprintf(r.sums, "%s  %s\n", sum, x.label)
	return err
}

// folder reads a label with a file for each text.
func (r *folderReader) folder(x labelSource) error {
	texts, others, err := textsOf(x.path)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s: left out %s; a text is a file NAME.txt or without a suffix", x.path,
			listed(others)))
	}
	for _, name := range texts {
		path := filepath.Join(x.path, name)
		data, err := ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.sums, "%s  %s/%s\n", sha256Hex(data), x.label, name)
		text, wrong := wholeText(path, data)
		if wrong != nil {
			if err := r.lenient.bad(wrong); err != nil {
				return err
			}
			continue
		}
		r.held.file(path)
		if err := r.held.add(1, len(text), path, 1); err != nil {
			return err
		}
		r.Rows = append(r.Rows, Row{Text: text, Label: x.label, File: path, Line: 1})
	}
	return nil
}

// wholeText is a file as one text.
func wholeText(path string, data []byte) (string, *Error) {
	var e *Error
	if err := checkText(path, data); errors.As(err, &e) {
		return "", e
	}
	text := strings.TrimFunc(inOneLine.Replace(string(data)), isBlank)
	switch {
	case text == "":
		return "", &Error{File: path, What: "the text is empty: remove the file or complete it"}
	case len(text) > MaxLineBytes:
		return "", &Error{File: path, What: fmt.Sprintf(
			"the text is longer than %d bytes, the most that an example can have: cut it, or choose another file", MaxLineBytes,
		)}
	}
	return text, nil
}

// eachLine calls f with the lines of a file that are not blank, and gives the hash of its contents, uncompressed.
func eachLine(path string, l *lenient, f func(line []byte, number int) error) (sum string, err error) {
	data, err := ReadFile(path)
	if err != nil {
		return "", err
	}
	if what := markup(data); what != "" {
		return "", &Error{File: path, What: what + ": convert it to texts, a line each"}
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
		case err == nil && len(trim(line)) > 0:
			err = f(trim(line), lines.number)
		}
		if err != nil {
			return "", err
		}
	}
}
