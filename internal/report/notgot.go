package report

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/catalog"
)

// WhyNot is why a data set could not be had.
type WhyNot int

// The reasons.
const (
	OtherReason WhyNot = iota // which the error says
	Stopped
	Gone // from where it was
	Unreachable
	Unwritable
)

// NotGot says why a data set could not be had in the folder of data sets, and what to do.
func NotGot(s *catalog.Set, dir string, err error) (WhyNot, string) {
	var (
		status  *catalog.StatusError
		network *catalog.NetworkError
		path    *fs.PathError
	)
	elsewhere := fmt.Sprintf("or put the files from %s into %s", s.Home, s.Folder(dir))
	switch {
	case errors.Is(err, context.Canceled):
		return Stopped, "stopped: repeat the command to go on from there"
	case errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone):
		return Gone, fmt.Sprintf("%v: see whether a newer unroll knows another address, %s", status, elsewhere)
	case errors.As(err, &status):
		return Unreachable, fmt.Sprintf("%v: try again later, %s", status, elsewhere)
	case errors.As(err, &network):
		return Unreachable, fmt.Sprintf("%v: check the network and repeat the command, it goes on from there, %s", network,
			elsewhere)
	case errors.As(err, &path) &&
		(errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR)):
		return Unwritable, fmt.Sprintf("%s cannot be written (%v): name another folder with %s", path.Path, path.Err,
			catalog.DirEnv)
	}
	return OtherReason, ""
}
