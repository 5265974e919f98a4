// Package catalog knows some data sets by name: where they come from, which files they have, and what those
// must hold. It downloads and verifies them, and finds the ones that are there already.
//
// It must not know formats, nor what is learned from the data. The contents of every file are known by their
// SHA-256, so that it does not matter from where they come, nor whether they are compressed on the way or in
// the folder.
package catalog

import (
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// Set is a data set.
type Set struct {
	Name    string // also of its folder
	What    string // one line
	Licence string // as its authors state it
	Home    string // where they describe it
	Archive string // address of a .tar.gz or .zip with all files; "": each file has addresses of its own
	Files   []File
	Flags   []Flag // what to give to unroll train
	Task    string // which of its commands that is for, if the flags do not say it
}

// File is a file of a data set.
type File struct {
	Name   string // in the folder, without .gz
	Bytes  int64  // uncompressed
	SHA256 string // of the contents, uncompressed, in hexadecimal
	URLs   []string
	Member string // its name in the archive
}

// Flag is a flag of unroll train that reads a file of the data set, or the whole folder if File is "".
type Flag struct{ Name, File string }

// Find is the data set of a name; false if there is none.
func Find(name string) (*Set, bool) {
	for i := range Sets {
		if Sets[i].Name == name {
			return &Sets[i], true
		}
	}
	return nil, false
}

// Names are those of all data sets.
func Names() (names []string) {
	for _, s := range Sets {
		names = append(names, s.Name)
	}
	return names
}

// Bytes is the size of all files, uncompressed.
func (s *Set) Bytes() int64 {
	sum := int64(0)
	for _, f := range s.Files {
		sum += f.Bytes
	}
	return sum
}

// DirEnv names the folder of data sets, if it is set.
const DirEnv = "UNROLL_DATA"

// DefaultDir is the folder of data sets: what DirEnv names, or else unroll in the user's folder for caches.
func DefaultDir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errors.Wrapf(err, "there is no folder for caches, name one with %s", DirEnv)
	}
	return filepath.Join(cache, "unroll"), nil
}

// Folder is the folder of a data set in the folder of data sets.
func (s *Set) Folder(dir string) string { return filepath.Join(dir, s.Name) }

// Missing are the files that are not in the folder, whatever it holds.
func (s *Set) Missing(dir string) []string {
	var names []string
	for _, f := range s.Files {
		if f.path(s.Folder(dir)) == "" {
			names = append(names, f.Name)
		}
	}
	return names
}

// path is where a file is in its folder, plain or compressed; "" if it is not.
func (f *File) path(folder string) string {
	for _, name := range []string{f.Name, f.Name + ".gz"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(folder, name)
		}
	}
	return ""
}

// Arguments are the flags of unroll train, each before the path of its file in the folder.
func (s *Set) Arguments(dir string) []string {
	var words []string
	for _, flag := range s.Flags {
		words = append(words, flag.Name, s.Path(dir, flag.File))
	}
	return words
}

// Path is where a file of the data set is, plain or compressed, or will be; the folder of the data set if file is "".
func (s *Set) Path(dir, file string) string {
	f := File{Name: file}
	if path := f.path(s.Folder(dir)); path != "" {
		return path
	}
	return filepath.Join(s.Folder(dir), file)
}
