package checkpoint

import (
	"io"
	"os"
	"runtime"
)

// disk is every change that this package makes to files, a call for each, so that a test can make any one of them fail.
type disk interface {
	create(path string) (diskFile, error)
	createTemp(dir, pattern string) (diskFile, error)
	mkdirTemp(dir, pattern string) (string, error)
	chmod(path string, mode os.FileMode) error
	rename(from, to string) error
	removeAll(path string) error
	syncDir(dir string) error // makes the names in a folder durable
}

// diskFile is a file that is being written.
type diskFile interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

// files is the disk in use: but in tests, the operating system's.
var files disk = osDisk{}

type osDisk struct{}

func (osDisk) create(path string) (diskFile, error)             { return os.Create(path) }
func (osDisk) createTemp(dir, pattern string) (diskFile, error) { return os.CreateTemp(dir, pattern) }
func (osDisk) mkdirTemp(dir, pattern string) (string, error)    { return os.MkdirTemp(dir, pattern) }
func (osDisk) chmod(path string, mode os.FileMode) error        { return os.Chmod(path, mode) }
func (osDisk) rename(from, to string) error                     { return os.Rename(from, to) }
func (osDisk) removeAll(path string) error                      { return os.RemoveAll(path) }
func (osDisk) syncDir(dir string) error {
	if runtime.GOOS == "windows" { // it has no call for it
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return closeSynced(d, nil)
}

// closeSynced closes a file after its contents have reached the disk, unless err is an earlier failure.
func closeSynced(f diskFile, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
