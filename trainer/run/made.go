package run

import (
	"io/fs"
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

// mkdirAll makes a folder that is not there, and those that it is in. Other processes may make, or give back, folders
// on the way to it at the same time.
func mkdirAll(dir string) (*made, error) {
	const tries = 100 // each time another process may have come between
	for try := 1; ; try++ {
		m, again, err := tryMkdirAll(dir)
		if err == nil || !again || try == tries {
			return m, err
		}
	}
}

// tryMkdirAll opens what was there before once, so that a link that is put there meanwhile leads nowhere. again says
// of an error that a folder on the way may have come or gone meanwhile.
func tryMkdirAll(dir string) (m *made, again bool, err error) {
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
			return nil, false, errors.WithStack(err)
		}
	}
	in, err := os.OpenRoot(there)
	if err != nil {
		return nil, errors.Is(err, fs.ErrNotExist), errors.WithStack(err)
	}
	m = &made{in: in}
	path := ""
	for i, name := range slices.Backward(missing) {
		path += name
		if err := in.Mkdir(path, 0o777); err != nil {
			m.remove()
			innermost := i == 0
			return nil, errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) && !innermost, errors.WithStack(err)
		}
		m.names = append(m.names, path)
		path += "/"
	}
	return m, false, nil
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
