package catalog

import (
	"bytes"
	"io"
	"os"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
)

// Read is the contents of the files of a set that is in the folder of all sets, in their order, uncompressed.
func (s *Set) Read(dir string) ([][]byte, error) {
	var all [][]byte
	for _, f := range s.Files {
		data, err := f.read(s.Folder(dir))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f *File) read(folder string) ([]byte, error) {
	path := f.path(folder)
	if path == "" {
		return nil, &os.PathError{Op: "open", Path: folder, Err: os.ErrNotExist}
	}
	file, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = f.copy(&b, file)
	return b.Bytes(), err
}

// Unpack is the contents of the files of a set in a file that was downloaded as its Archive, in their order. Contents
// that are wrong are a *datasets.Error.
func (s *Set) Unpack(archive string) ([][]byte, error) {
	file, err := safefile.Open(archive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all := make([][]byte, len(s.Files))
	err = unpack(file, s.Files, func(f File, r io.Reader) error {
		var b bytes.Buffer
		err := f.copyPlain(&b, archive, r)
		all[slices.IndexFunc(s.Files, func(x File) bool { return x.Name == f.Name })] = b.Bytes()
		return err
	})
	if err == nil {
		return all, nil
	}
	var wrong *datasets.Error
	if !errors.As(err, &wrong) {
		err = &datasets.Error{File: archive, What: err.Error() + ": it is not what " + s.Archive + " has"}
	}
	return nil, err
}
