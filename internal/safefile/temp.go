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

// CreateTemp makes a file in the folder dir whose name is prefix and a random number. Unlike that of os.CreateTemp, its mode is what
// the user's umask says, as of a file that stays.
func CreateTemp(dir, prefix string) (f *os.File, err error) {
	err = unused(dir, prefix, func(path string) error {
		f, err = Create(path)
		return err
	})
	return f, err
}

// MkdirTemp makes a folder in the same way.
func MkdirTemp(dir, prefix string) (path string, err error) {
	err = unused(dir, prefix, func(p string) error {
		path = p
		return os.Mkdir(p, 0o777)
	})
	return path, err
}

// unused calls make with names until there is one that nothing has.
func unused(dir, prefix string, make func(path string) error) error {
	const tries = 1000
	for try := 1; ; try++ {
		err := make(filepath.Join(dir, prefix+strconv.FormatUint(rand.Uint64(), 10)))
		if !errors.Is(err, fs.ErrExist) || try == tries {
			return err
		}
	}
}

// IsTemp says whether CreateTemp or MkdirTemp may have made a name with the prefix.
func IsTemp(name, prefix string) bool {
	number, ok := strings.CutPrefix(name, prefix)
	_, err := strconv.ParseUint(number, 10, 64)
	return ok && err == nil
}
