package catalog

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
)

// Store is a folder with a folder for each data set.
type Store struct {
	Dir      string
	Client   *http.Client                      // nil: one with limits to how long it waits
	Stall    time.Duration                     // the longest that nothing may come; 0: half a minute
	Pause    time.Duration                     // before the second try, doubled before each further one; 0: a second
	Progress func(url string, have, all int64) // all is -1 if it is not known; nil: nobody is told
	Waiting  func(pid int)                     // told when another process gets the set; nil: nobody is
}

func (s *Store) stall() time.Duration {
	if s.Stall == 0 {
		return 30 * time.Second
	}
	return s.Stall
}

func (s *Store) pause() time.Duration {
	if s.Pause == 0 {
		return time.Second
	}
	return s.Pause
}

var patient = &http.Client{
	CheckRedirect: staysPrivate,
	Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
	},
}

// staysPrivate refuses to go on without encryption where it began with it.
func staysPrivate(req *http.Request, via []*http.Request) error {
	const most = 10
	switch last := via[len(via)-1]; {
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.Errorf("the server sends on to %s://%s, which is not encrypted", req.URL.Scheme, req.URL.Host)
	case len(via) >= most:
		return errors.Errorf("the server sends on more than %d times", most)
	}
	return nil
}

func (s *Store) client() *http.Client {
	if s.Client == nil {
		return patient
	}
	return s.Client
}

func (s *Store) progress(url string, have, all int64) {
	if s.Progress != nil {
		s.Progress(url, have, all)
	}
}

// Get makes the folder of a data set hold all its files, each verified. It downloads those that are missing or
// damaged, and touches neither the network nor the folder if there are none. A file gets its name only when its
// contents are right, and the files of an archive all together; what an interrupted download has left is used
// by the next one.
//
// Contents that are wrong after the download are a *datasets.Error, a download that failed a *StatusError or a
// *NetworkError.
func (s *Store) Get(ctx context.Context, set *Set) error {
	want, err := set.wanted(s.Dir)
	if err != nil || len(want) == 0 {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o777); err != nil {
		return errors.WithStack(err)
	}
	in, err := os.OpenRoot(s.Dir)
	if err != nil {
		return errors.WithStack(err)
	}
	defer in.Close()
	lock, err := safefile.WaitLock(ctx, in, "."+set.Name+".lock", func(held *safefile.LockedError) {
		if s.Waiting != nil {
			s.Waiting(held.PID)
		}
	})
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if want, err = set.wanted(s.Dir); err != nil || len(want) == 0 { // another process may have got it meanwhile
		return err
	}
	folder, err := safefile.MkdirIn(in, set.Name)
	if err != nil {
		return err
	}
	defer folder.Close()
	if set.Archive != "" {
		return s.getArchive(ctx, set.Archive, folder, want)
	}
	for _, f := range want {
		if err := s.getFile(ctx, folder, f); err != nil {
			return err
		}
	}
	return safefile.Sync(folder)
}

// wanted are the files of the set, in the folder of all sets, that are missing or damaged.
func (set *Set) wanted(dir string) (want []File, err error) {
	for _, f := range set.Files {
		if path := f.path(set.Folder(dir)); path != "" {
			file, err := safefile.Open(path)
			if err == nil {
				err = f.verify(file)
			}
			if err == nil {
				continue
			}
			var wrong *datasets.Error
			if !errors.As(err, &wrong) {
				return nil, err
			}
		}
		want = append(want, f)
	}
	return want, nil
}

// getFile tries the addresses of a file one after the other.
func (s *Store) getFile(ctx context.Context, folder *os.Root, f File) (err error) {
	for _, url := range f.URLs {
		part := partName(f.Name, url)
		limit := f.Bytes + 1<<20 // compressed, a file may even grow a little
		err = s.fetch(ctx, url, folder, part, limit, func() error { return f.verifyPart(folder, part) })
		if err == nil {
			return f.install(folder, part)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

func (s *Store) getArchive(ctx context.Context, url string, folder *os.Root, want []File) error {
	archive := partName("archive", url)
	var parts []string
	defer func() {
		for _, part := range parts {
			folder.Remove(part) // of what was installed nothing is left
		}
	}()
	err := s.fetch(ctx, url, folder, archive, maxArchive, func() error {
		packed, err := safefile.OpenIn(folder, archive)
		if err != nil {
			return err
		}
		defer packed.Close()
		err = unpack(packed, want, func(f File, r io.Reader) error {
			part := partName(f.Name, url)
			parts = append(parts, part)
			if err := writeFile(folder, part, io.LimitReader(r, f.Bytes+1)); err != nil {
				return err
			}
			return f.verifyPart(folder, part)
		})
		var path *fs.PathError
		var wrong *datasets.Error
		if err != nil && !errors.As(err, &path) && !errors.As(err, &wrong) {
			return &datasets.Error{File: url, What: fmt.Sprintf("%v: nothing was installed; try again later", err)}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range want {
		if err := f.install(folder, partName(f.Name, url)); err != nil {
			return err
		}
	}
	if err := folder.Remove(archive); err != nil {
		return errors.WithStack(err)
	}
	return safefile.Sync(folder)
}

// fetch downloads and verifies. If contents that were downloaded in parts are wrong, the file may have changed
// in between: it is downloaded once more from the first byte. Wrong contents are removed.
func (s *Store) fetch(
	ctx context.Context, url string, folder *os.Root, part string, limit int64, verify func() error,
) error {
	for {
		joined, err := s.download(ctx, url, folder, part, limit)
		if err != nil {
			return err
		}
		err = verify()
		var wrong *datasets.Error
		if !errors.As(err, &wrong) {
			return err
		}
		if err := folder.Remove(part); err != nil {
			return errors.WithStack(err)
		}
		if !joined {
			return &datasets.Error{File: url, What: wrong.What}
		}
	}
}

// partName is where a download is kept until it is whole. It is another file for each address, for their bytes
// may differ.
func partName(name, url string) string {
	sum := sha256.Sum256([]byte(url))
	return fmt.Sprintf(".%s-%x.part", name, sum[:4])
}

func (f *File) verifyPart(folder *os.Root, part string) error {
	file, err := safefile.OpenIn(folder, part)
	if err != nil {
		return err
	}
	return f.verify(file)
}

// verify says whether an open file, plain or compressed by gzip, has the right contents; an *datasets.Error if
// not. It closes the file.
func (f *File) verify(file *os.File) error { return f.copy(io.Discard, file) }

// copy is verify that also writes what it reads, uncompressed.
func (f *File) copy(to io.Writer, file *os.File) (err error) {
	defer file.Close()
	path := filepath.Clean(file.Name())
	var r io.Reader = bufio.NewReader(file)
	if zipped(r.(*bufio.Reader)) {
		if r, err = gzip.NewReader(r); err != nil {
			return f.wrong(path, err.Error())
		}
	}
	return f.copyPlain(to, path, r)
}

// copyPlain is copy of what a file has that is called path, uncompressed.
func (f *File) copyPlain(to io.Writer, path string, r io.Reader) error {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, to), io.LimitReader(r, f.Bytes+1))
	var failed *fs.PathError
	switch {
	case errors.As(err, &failed):
		return errors.WithStack(err)
	case err != nil:
		return f.wrong(path, err.Error())
	case n > f.Bytes:
		return f.wrong(path, fmt.Sprintf("more than %d bytes", f.Bytes))
	case hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return f.wrong(path, fmt.Sprintf("sha256 %x of %d bytes", sum.Sum(nil)[:6], n))
	}
	return nil
}

func (f *File) wrong(path, what string) error {
	return &datasets.Error{File: path, What: fmt.Sprintf("the contents of %s are wrong (%s, want sha256 %.12s of %d "+
		"bytes): nothing was installed; try again later, or get the file elsewhere", f.Name, what, f.SHA256, f.Bytes)}
}

func zipped(r *bufio.Reader) bool {
	head, _ := r.Peek(2)
	return string(head) == "\x1f\x8b"
}

// install gives a verified file its name, with .gz if it is compressed, in the place of one that was damaged.
func (f *File) install(folder *os.Root, part string) error {
	file, err := safefile.OpenIn(folder, part)
	if err != nil {
		return err
	}
	name, other := f.Name, f.Name+".gz"
	if zipped(bufio.NewReader(file)) {
		name, other = other, name
	}
	file.Close()
	if err := folder.Rename(part, name); err != nil {
		return errors.WithStack(err)
	}
	if err := folder.Remove(other); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.WithStack(err)
	}
	for _, url := range f.URLs { // what has come from the other addresses
		folder.Remove(partName(f.Name, url))
	}
	return nil
}

// writeFile writes a new file, in the place of what an interrupted call has left, and makes its contents durable.
func writeFile(folder *os.Root, name string, r io.Reader) error {
	if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.WithStack(err)
	}
	f, err := safefile.Create(folder, name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return errors.WithStack(err)
}
