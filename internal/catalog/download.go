package catalog

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// StatusError is a server's answer other than the contents.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: the server answers %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// NetworkError says that a download did not come to its end. What has come is kept, and the next try goes on
// from there.
type NetworkError struct {
	URL string
	Err error
}

func (e *NetworkError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.Err) }
func (e *NetworkError) Unwrap() error { return e.Err }

// errTooLong is a body that is longer than what is wanted can be.
var errTooLong = errors.New("the file is larger than it should be")

// tries is how often a download is begun again without any progress in between.
const tries = 4

// download makes a file in a folder hold what url has, at most limit bytes. It goes on from what it holds
// already, and again when the connection breaks. joined says that not all of it came in one answer, so that it
// may be of two versions of the file.
func (s *Store) download(
	ctx context.Context, url string, in *os.Root, name string, limit int64,
) (joined bool, err error) {
	part, err := safefile.Own(in, name)
	if err != nil {
		return false, err
	}
	defer part.Close()
	d := &download{store: s, url: url, part: part, limit: limit}
	if d.have, err = part.Seek(0, io.SeekEnd); err != nil {
		return false, errors.WithStack(err)
	}
	for failures := 0; ; failures++ {
		before := d.have
		again, err := d.once(ctx)
		switch {
		case err == nil:
			return d.joined, errors.WithStack(part.Sync())
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !again:
			return false, err
		}
		if d.have > before {
			failures = 0
		}
		if failures+1 == tries {
			return false, err
		}
		select {
		case <-time.After(s.pause() << failures):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// download is the state of one.
type download struct {
	store  *Store
	url    string
	part   *os.File
	have   int64 // bytes in part
	limit  int64
	joined bool
}

// once asks the server for what is missing. again says that it makes sense to ask once more after err.
func (d *download) once(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(d.store.stall(), cancel)
	defer stall.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return false, errors.WithStack(err)
	}
	req.Header.Set("User-Agent", "unroll")
	req.Header.Set("Accept-Encoding", "identity") // ranges count the bytes of the file
	if d.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
	}
	resp, err := d.store.client().Do(req)
	if err != nil {
		return true, d.broken(ctx, err)
	}
	defer resp.Body.Close()
	first, total := contentRange(resp.Header.Get("Content-Range"))
	switch {
	case resp.StatusCode == http.StatusOK:
		if err := d.restart(); err != nil {
			return false, err
		}
	case resp.StatusCode == http.StatusPartialContent && first == d.have:
		d.joined = true
	case resp.StatusCode == http.StatusPartialContent:
		if err := d.restart(); err != nil {
			return false, err
		}
		return true, &NetworkError{d.url, errors.Errorf("the server sends another range than asked for, %q",
			resp.Header.Get("Content-Range"))}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.have > 0:
		if total == d.have { // all of it had come
			d.joined = true
			return false, nil
		}
		if err := d.restart(); err != nil {
			return false, err
		}
		return true, &StatusError{d.url, resp.StatusCode}
	default:
		busy := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests ||
			resp.StatusCode == http.StatusRequestTimeout
		return busy, &StatusError{d.url, resp.StatusCode}
	}
	if resp.StatusCode == http.StatusOK {
		total = resp.ContentLength
	}
	return d.copy(ctx, resp.Body, total, stall)
}

// copy appends a body to the part.
func (d *download) copy(ctx context.Context, body io.Reader, total int64, stall *time.Timer) (again bool, err error) {
	buf := make([]byte, 1<<16)
	for {
		n, err := body.Read(buf)
		stall.Reset(d.store.stall())
		if n > 0 {
			if d.have+int64(n) > d.limit {
				d.restart()
				return false, &NetworkError{d.url, errTooLong}
			}
			if _, err := d.part.WriteAt(buf[:n], d.have); err != nil {
				return false, errors.WithStack(err)
			}
			d.have += int64(n)
			d.store.progress(d.url, d.have, total)
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return true, d.broken(ctx, err)
		}
	}
}

// broken is a failure of the connection.
func (d *download) broken(ctx context.Context, err error) error {
	var of *url.Error // names the address once more
	if errors.As(err, &of) {
		err = of.Err
	}
	if ctx.Err() != nil { // the caller's context is looked at first
		err = errors.Errorf("nothing came for %v", d.store.stall())
	}
	return &NetworkError{d.url, err}
}

// restart forgets what the part holds.
func (d *download) restart() error {
	d.have, d.joined = 0, false
	return errors.WithStack(d.part.Truncate(0))
}

// contentRange is the first byte and the length of all in a header "bytes 5-9/10" or "bytes */10"; -1 for what
// it does not say.
func contentRange(header string) (first, total int64) {
	first, total = -1, -1
	span, all, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	if !ok {
		return
	}
	if n, err := strconv.ParseInt(all, 10, 64); err == nil {
		total = n
	}
	from, _, _ := strings.Cut(span, "-")
	if n, err := strconv.ParseInt(from, 10, 64); err == nil {
		first = n
	}
	return
}
