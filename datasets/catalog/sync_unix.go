//go:build unix

package catalog

import (
	"os"

	"github.com/pkg/errors"
)

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return errors.WithStack(err)
	}
	defer d.Close()
	return errors.WithStack(d.Sync())
}
