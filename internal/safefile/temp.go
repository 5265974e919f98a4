package safefile

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// CreateTemp makes a file in a folder whose name is prefix and a random number. Unlike that of os.CreateTemp,
// its mode is what the user's umask says, as of a file that stays.
func CreateTemp(in *os.Root, prefix string) (f *os.File, err error) {
	_, err = unused(prefix, func(name string) error {
		f, err = Create(in, name)
		return err
	})
	return f, err
}

// Scratch makes a file that is gone when it is closed, or its process killed: it has no name. Of one that cannot be had
// so, nothing or an empty file of CreateTemp's name is left.
func Scratch(in *os.Root, prefix string) (*os.File, error) {
	f, err := CreateTemp(in, prefix)
	if err != nil {
		return nil, err
	}
	if err := in.Remove(filepath.Base(f.Name())); err != nil {
		f.Close()
		return nil, named(in, err)
	}
	return f, nil
}

// MkdirTemp makes a folder in the same way.
func MkdirTemp(in *os.Root, prefix string) (name string, err error) {
	return unused(prefix, func(name string) error { return named(in, in.Mkdir(name, 0o777)) })
}

// Probe makes a file in a folder and removes it, for permissions alone do not tell of a file system that cannot
// be written.
func Probe(in *os.Root, prefix string) error {
	f, err := CreateTemp(in, prefix)
	if err != nil {
		return err
	}
	f.Close()
	return named(in, in.Remove(filepath.Base(f.Name())))
}

// Writable says why a file cannot be written, or replaced; it makes none.
func Writable(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return errors.New("it is a folder")
	}
	in, err := os.OpenRoot(filepath.Dir(path))
	if err == nil {
		err = Probe(in, "."+filepath.Base(path)+".tmp-")
		in.Close()
	}
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// unused calls make with names until there is one that nothing has.
func unused(prefix string, make func(name string) error) (name string, err error) {
	const tries = 1000
	for try := 1; ; try++ {
		name = prefix + strconv.FormatUint(rand.Uint64(), 10)
		if err = make(name); !errors.Is(err, fs.ErrExist) || try == tries {
			return name, err
		}
	}
}

// IsTemp says whether CreateTemp or MkdirTemp may have made a name with the prefix.
func IsTemp(name, prefix string) bool {
	number, ok := strings.CutPrefix(name, prefix)
	_, err := strconv.ParseUint(number, 10, 64)
	return ok && err == nil
}
