package checkpoint

import (
	"io"
	"os"
	"runtime"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// disk is every change that this package makes to files, a call for each, so that a test can make any one of them fail.
type disk interface {
	create(path string) (diskFile, error)
	createTemp(dir, prefix string) (diskFile, error)
	mkdirTemp(dir, prefix string) (string, error)
	rename(from, to string) error
	remove(path string) error // a file, a link, or a folder that is empty
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

func (osDisk) create(path string) (diskFile, error) { return safefile.Create(path) }
func (osDisk) createTemp(dir, prefix string) (diskFile, error) {
	return safefile.CreateTemp(dir, prefix)
}
func (osDisk) mkdirTemp(dir, prefix string) (string, error) { return safefile.MkdirTemp(dir, prefix) }
func (osDisk) rename(from, to string) error                 { return os.Rename(from, to) }
func (osDisk) remove(path string) error                     { return os.Remove(path) }
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
