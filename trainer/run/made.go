package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// made are folders that this process has made on the way to that of a run; nil: none.
type made struct {
	in    *os.Root // the innermost that was there before
	names []string // in it, the innermost folder last
}

// mkdirAll makes a folder that is not there, and those that it is in. What was there before it opens once, so
// that a link that is put there meanwhile leads nowhere.
func mkdirAll(dir string) (*made, error) {
	var missing []string // the innermost first
	there := dir
	for {
		parent, name := filepath.Split(strings.TrimRight(there, string(filepath.Separator)))
		if missing = append(missing, name); parent == "" {
			parent = "."
		}
		there = parent
		if _, err := os.Stat(there); err == nil {
			break
		} else if name == "" {
			return nil, errors.WithStack(err)
		}
	}
	in, err := os.OpenRoot(there)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	m, path := &made{in: in}, ""
	for _, name := range slices.Backward(missing) {
		path += name
		if err := in.Mkdir(path, 0o777); err != nil {
			m.remove()
			return nil, errors.WithStack(err)
		}
		m.names = append(m.names, path)
		path += "/"
	}
	return m, nil
}

// open opens the innermost folder.
func (m *made) open() (*os.Root, error) { return m.in.OpenRoot(m.names[len(m.names)-1]) }

// remove removes what is empty.
func (m *made) remove() {
	if m == nil {
		return
	}
	for _, name := range slices.Backward(m.names) {
		m.in.Remove(name)
	}
	m.close()
}

func (m *made) close() {
	if m != nil {
		m.in.Close()
	}
}
