package catalog

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"slices"

	"github.com/pkg/errors"
)

// The most that is read of an archive, packed and unpacked, and the most entries: more is a wrong file or a bomb.
const (
	maxArchive  = 64 << 20
	maxUnpacked = 192 << 20
	maxEntries  = 10_000
)

// unpack calls emit with the contents of those members of an archive, .zip or .tar.gz, that are wanted. Names
// in the archive decide nothing but whether a member is one of them: nothing else is read, and no name becomes
// a path. A wanted member that is not a plain file, or not as large as it should be, is an error, and so is one
// that is missing.
func unpack(f *os.File, want []File, emit func(File, io.Reader) error) (err error) {
	r := bufio.NewReader(f)
	missing := slices.Clone(want)
	take := func(name string, plain bool, size int64, open func() (io.ReadCloser, error)) error {
		i := slices.IndexFunc(missing, func(f File) bool { return f.Member == name })
		if i < 0 {
			return nil
		}
		file := missing[i]
		if !plain || size != file.Bytes {
			return errors.Errorf("%s in the archive is not a file of %d bytes", name, file.Bytes)
		}
		missing = slices.Delete(missing, i, i+1)
		r, err := open()
		if err != nil {
			return errors.Wrap(err, name)
		}
		defer r.Close()
		return emit(file, r)
	}
	if head, _ := r.Peek(2); string(head) == "PK" {
		err = eachInZip(f, take)
	} else {
		err = eachInTar(r, take, func() bool { return len(missing) == 0 })
	}
	if err == nil && len(missing) > 0 {
		err = errors.Errorf("the archive has no %s", missing[0].Member)
	}
	return err
}

type taker = func(name string, plain bool, size int64, open func() (io.ReadCloser, error)) error

func eachInTar(r io.Reader, take taker, enough func() bool) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return errors.Wrap(err, "not an archive")
	}
	t := tar.NewReader(io.LimitReader(z, maxUnpacked))
	for n := 0; !enough() && n < maxEntries; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.Wrap(err, "a damaged archive")
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(t), nil }
		if err := take(h.Name, h.Typeflag == tar.TypeReg, h.Size, open); err != nil {
			return err
		}
	}
	return nil
}

func eachInZip(f *os.File, take taker) error {
	info, err := f.Stat()
	if err != nil {
		return errors.WithStack(err)
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return errors.Wrap(err, "a damaged archive")
	}
	if len(z.File) > maxEntries {
		return errors.Errorf("an archive of %d entries", len(z.File))
	}
	for _, m := range z.File {
		if err := take(m.Name, m.Mode().IsRegular(), int64(m.UncompressedSize64), m.Open); err != nil {
			return err
		}
	}
	return nil
}
