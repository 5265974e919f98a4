package checkpoint

import (
	"io"
	"os"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// disk is every change that this package makes to files, a call for each, so that a test can make any one of them fail.
type disk interface {
	create(in *os.Root, name string) (diskFile, error)
	createTemp(in *os.Root, prefix string) (diskFile, error)
	mkdirTemp(in *os.Root, prefix string) (string, error)
	rename(in *os.Root, from, to string) error
	remove(in *os.Root, name string) error // a file, a link, or a folder that is empty
	syncDir(in *os.Root) error             // makes the names in a folder durable
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

func (osDisk) create(in *os.Root, name string) (diskFile, error) { return safefile.Create(in, name) }
func (osDisk) createTemp(in *os.Root, prefix string) (diskFile, error) {
	return safefile.CreateTemp(in, prefix)
}
func (osDisk) mkdirTemp(in *os.Root, prefix string) (string, error) {
	return safefile.MkdirTemp(in, prefix)
}
func (osDisk) rename(in *os.Root, from, to string) error { return in.Rename(from, to) }
func (osDisk) remove(in *os.Root, name string) error     { return in.Remove(name) }
func (osDisk) syncDir(in *os.Root) error                 { return safefile.Sync(in) }

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
