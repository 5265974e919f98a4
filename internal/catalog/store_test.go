package catalog

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

var errOffline = errors.New("there is no network")

// good are the right contents of the file that the tests download.
var good = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

// server answers with one function after the other, the last one again and again, and keeps what was asked.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	ranges []string
	paths  []string
}

type answer func(w http.ResponseWriter, r *http.Request)

func serve(t *testing.T, answers ...answer) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := min(len(s.ranges), len(answers)-1)
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		s.paths = append(s.paths, r.URL.Path)
		s.mu.Unlock()
		answers[n](w, r)
	}))
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	return s
}

// asked are the ranges of all requests so far.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ranges)
}

// contents serves data as any server of files does, with ranges.
func contents(data []byte) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// breaks announces all of data, or what is asked for of it, sends n bytes and breaks the connection.
func breaks(data []byte, n int) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(data[from : from+n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int) answer {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// whole ignores ranges.
func whole(data []byte) answer {
	return func(w http.ResponseWriter, r *http.Request) { w.Write(data) }
}

func fileOf(name string, data []byte, urls ...string) File {
	sum := sha256.Sum256(data)
	return File{Name: name, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), URLs: urls}
}

func storeIn(t *testing.T) *Store {
	t.Helper()
	return &Store{Dir: t.TempDir(), Stall: 5 * time.Second, Pause: time.Millisecond}
}

// holds checks that the folder of set "x" has these files with these contents, and no others.
func holds(t *testing.T, s *Store, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(s.Dir, "x"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(s.Dir, "x", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(data)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the folder: %.1000s", diff)
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// However the file comes, in the end it is there, whole, and nothing else is.
func TestGet(t *testing.T) {
	other := bytes.Repeat([]byte("fedcba9876543210"), 20_000)
	wrongRange := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(good)-1, len(good)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(good[7:])
	}
	for _, c := range []struct {
		name    string
		before  []byte // what an earlier download has left
		answers []answer
		ranges  []string
	}{
		{"at once", nil, []answer{contents(good)}, []string{""}},
		{"interrupted", nil, []answer{breaks(good, 1000), contents(good)}, []string{"", "bytes=1000-"}},
		{"interrupted again and again", nil, []answer{breaks(good, 1000), breaks(good, 10), breaks(good, 10), breaks(good, 10), breaks(good, 10), breaks(good, 10), contents(good)},
			[]string{"", "bytes=1000-", "bytes=1010-", "bytes=1020-", "bytes=1030-", "bytes=1040-", "bytes=1050-"}},
		{"begun earlier", good[:5000], []answer{contents(good)}, []string{"bytes=5000-"}},
		{"whole, but never named", good, []answer{contents(good)}, []string{"bytes=320000-"}},
		{"changed since", other[:5000], []answer{contents(good)}, []string{"bytes=5000-", ""}},
		{"changed in between", nil, []answer{breaks(other, 1000), contents(good)}, []string{"", "bytes=1000-", ""}},
		{"longer before", append(slices.Clone(good), "more"...), []answer{contents(good)}, []string{"bytes=320004-", ""}},
		{"no ranges", good[:5000], []answer{whole(good)}, []string{"bytes=5000-"}},
		{"no ranges, interrupted", nil, []answer{breaks(good, 1000), whole(good)}, []string{"", "bytes=1000-"}},
		{"another range", good[:5000], []answer{wrongRange, contents(good)}, []string{"bytes=5000-", ""}},
		{"busy", nil, []answer{status(503), status(429), contents(good)}, []string{"", "", ""}},
		{"broken before the answer", nil, []answer{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, contents(good)}, []string{"", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, c.answers...)
			s := storeIn(t)
			set := &Set{Name: "x", Files: []File{fileOf("a.txt", good, server.URL+"/a.txt")}}
			if c.before != nil {
				if err := os.MkdirAll(set.Folder(s.Dir), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(set.Folder(s.Dir), partName("a.txt", server.URL+"/a.txt")), c.before,
					0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Get(context.Background(), set); err != nil {
				t.Fatal(err)
			}
			holds(t, s, map[string]string{"a.txt": string(good)})
			if diff := cmp.Diff(c.ranges, server.asked()); diff != "" {
				t.Error(diff)
			}
			s.Client = offline
			if err := s.Get(context.Background(), set); err != nil {
				t.Errorf("the file is there, and still: %v", err)
			}
		})
	}
}

// What cannot be had leaves no file behind, but what may still become one.
func TestGetFails(t *testing.T) {
	bad := slices.Clone(good)
	bad[77] ^= 1
	endless := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(good); err != nil {
				return
			}
		}
	}
	silent := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		w.Write(good[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for _, c := range []struct {
		name    string
		answers []answer
		want    string
		left    []byte
		asked   int
	}{
		{"one bit", []answer{contents(bad)}, "URL: the contents of a.txt are wrong (sha256 600da928f772 of 320000 bytes, want sha256 2f869ec6ab78 of 320000 bytes): nothing was installed; try again later, or get the file elsewhere", nil, 1},
		{"a login page", []answer{whole([]byte("<html>"))}, "URL: the contents of a.txt are wrong (sha256 b7d082ee12e9 of 6 bytes, want sha256 2f869ec6ab78 of 320000 bytes): nothing was installed; try again later, or get the file elsewhere", nil, 1},
		{"damaged gzip", []answer{whole([]byte("\x1f\x8bxxxxxxxxxxx"))}, "URL: the contents of a.txt are wrong (gzip: invalid header, want sha256 2f869ec6ab78 of 320000 bytes): nothing was installed; try again later, or get the file elsewhere", nil, 1},
		{"a gzip bomb", []answer{whole(gzipped(t, make([]byte, 2<<20)))}, "URL: the contents of a.txt are wrong (more than 320000 bytes, want sha256 2f869ec6ab78 of 320000 bytes): nothing was installed; try again later, or get the file elsewhere", nil, 1},
		{"not there", []answer{status(404)}, "URL: the server answers 404 Not Found", []byte{}, 1},
		{"always busy", []answer{status(503)}, "URL: the server answers 503 Service Unavailable", []byte{}, tries},
		{"endless", []answer{endless}, "URL: the file is larger than it should be", []byte{}, 1},
		{"silent, then gone", []answer{silent, status(404)}, "URL: the server answers 404 Not Found", good[:1000], 2},
		{"silent", []answer{silent}, "URL: nothing came for 100ms", good[:1000], tries},
		{"always broken", []answer{breaks(good, 0)}, "URL: unexpected EOF", []byte{}, tries},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, c.answers...)
			s := storeIn(t)
			if strings.HasPrefix(c.name, "silent") {
				s.Stall = 100 * time.Millisecond
			}
			url := server.URL + "/a.txt"
			set := &Set{Name: "x", Files: []File{fileOf("a.txt", good, url)}}
			err := s.Get(context.Background(), set)
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.ReplaceAll(err.Error(), url, "URL"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var wrong *datasets.Error
			if errors.As(err, &wrong) != (c.left == nil) {
				t.Errorf("%T", err)
			}
			want := map[string]string{}
			if c.left != nil {
				want[partName("a.txt", url)] = string(c.left)
			}
			holds(t, s, want)
			if n := len(server.asked()); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

// A server that is slow, but not silent, is waited for.
func TestGetSlowly(t *testing.T) {
	data := good[:10]
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range data {
			w.Write(data[i : i+1])
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	})
	s := storeIn(t)
	s.Stall = 400 * time.Millisecond // less than the whole takes
	last := int64(0)
	s.Progress = func(_ string, have, _ int64) { last = have }
	if err := s.Get(context.Background(), &Set{Name: "x", Files: []File{fileOf("a", data, server.URL)}}); err != nil {
		t.Fatal(err)
	}
	holds(t, s, map[string]string{"a": string(data)})
	if last != 10 || len(server.asked()) != 1 {
		t.Errorf("%d bytes, asked %d times", last, len(server.asked()))
	}
}

func TestGetStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		w.Write(good[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := storeIn(t)
	s.Progress = func(string, int64, int64) { cancel() }
	set := &Set{Name: "x", Files: []File{fileOf("a", good, server.URL)}}
	if err := s.Get(ctx, set); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	holds(t, s, map[string]string{partName("a", server.URL): string(good[:1000])})
}

// Compressed contents are the same contents, at the address and in the folder; damaged files are replaced;
// other addresses help.
func TestGetForms(t *testing.T) {
	packed := gzipped(t, good)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plain":
			contents(good)(w, r)
		case "/packed":
			contents(packed)(w, r)
		case "/breaks":
			breaks(packed, 100)(w, r)
		default:
			status(404)(w, r)
		}
	})
	at := func(paths ...string) *Set {
		for i := range paths {
			paths[i] = server.URL + paths[i]
		}
		return &Set{Name: "x", Files: []File{fileOf("a", good, paths...)}}
	}
	put := func(s *Store, name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(s.Dir, "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.Dir, "x", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	get := func(s *Store, set *Set) {
		t.Helper()
		if err := s.Get(context.Background(), set); err != nil {
			t.Error(err)
		}
	}
	s := storeIn(t)
	get(s, at("/packed"))
	holds(t, s, map[string]string{"a.gz": string(packed)})
	put(s, "a.gz", packed[:1000])
	get(s, at("/plain"))
	holds(t, s, map[string]string{"a": string(good)})
	put(s, "a", good[:1000])
	get(s, at("/none", "/breaks", "/packed"))
	holds(t, s, map[string]string{"a.gz": string(packed)})
	if err := s.Get(context.Background(), at("/none")); err != nil {
		t.Errorf("the file is there: %v", err)
	}

	noise := make([]byte, 1000) // compressed it is longer
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	packed = gzipped(t, noise)
	set := at("/packed")
	set.Files[0] = fileOf("a", noise, set.Files[0].URLs...)
	s = storeIn(t)
	get(s, set)
	holds(t, s, map[string]string{"a.gz": string(packed)})

	s = storeIn(t)
	put(s, "notes.txt", []byte("mine"))
	if err := s.Get(context.Background(), at("/none", "/nowhere")); err == nil {
		t.Error("no error")
	}
	if data, err := os.ReadFile(filepath.Join(s.Dir, "x", "notes.txt")); string(data) != "mine" || err != nil {
		t.Errorf("a foreign file: %q, %v", data, err)
	}
}

// entry is a member of an archive that a test makes.
type entry struct {
	name, data string
	link       bool
}

func tarOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.data)), Typeflag: tar.TypeReg}
		if e.link {
			h = &tar.Header{Name: e.name, Linkname: e.data, Typeflag: tar.TypeSymlink}
			e.data = ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return gzipped(t, b.Bytes())
}

func zipOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if e.link {
			h.SetMode(0o777 | os.ModeSymlink)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGetArchive(t *testing.T) {
	one, two := entry{name: "data/names/One.txt", data: "uno\n"}, entry{name: "data/names/Two.txt", data: "dos\n"}
	evil := []entry{{name: "../../evil", data: "x"}, {name: "/tmp/evil", data: "x"},
		{name: "data/names/../../../evil", data: "x"}, {name: "data/names/evil", data: "/etc/passwd", link: true}}
	const nothing = ": nothing was installed; try again later"
	for _, c := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"good", []entry{{name: "README", data: "read me"}, one, {name: "data/eng-fra.txt", data: "x"}, two}, ""},
		{"names that lead elsewhere", append(evil, one, two), ""},
		{"one missing", []entry{one}, "URL: the archive has no data/names/Two.txt" + nothing},
		{"nothing in it", nil, "URL: the archive has no data/names/One.txt" + nothing},
		{"a link", []entry{{name: one.name, data: "dos\n", link: true}, two}, "URL: data/names/One.txt in the archive is not a file of 4 bytes" + nothing},
		{"too large", []entry{one, {name: two.name, data: strings.Repeat("x", 1<<20)}}, "URL: data/names/Two.txt in the archive is not a file of 4 bytes" + nothing},
		{"wrong contents", []entry{one, {name: two.name, data: "due\n"}}, "URL: the contents of Two.txt are wrong (sha256 1990a836a367 of 4 bytes, want sha256 fcedfee4a23f of 4 bytes): nothing was installed; try again later, or get the file elsewhere"},
	} {
		for kind, data := range map[string][]byte{"tar": tarOf(t, c.entries...), "zip": zipOf(t, c.entries...)} {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				server := serve(t, contents(data))
				s := storeIn(t)
				url := server.URL + "/data." + kind
				set := &Set{Name: "x", Archive: url}
				for _, e := range []entry{one, two} {
					f := fileOf(filepath.Base(e.name), []byte(e.data))
					f.Member = e.name
					set.Files = append(set.Files, f)
				}
				err := s.Get(context.Background(), set)
				if c.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					holds(t, s, map[string]string{"One.txt": "uno\n", "Two.txt": "dos\n"})
				} else {
					var wrong *datasets.Error
					if !errors.As(err, &wrong) || strings.ReplaceAll(err.Error(), url, "URL") != c.want {
						t.Errorf("got  %v\nwant %s", err, c.want)
					}
					holds(t, s, map[string]string{})
				}
				if entries, _ := os.ReadDir(s.Dir); len(entries) != 2 { // the folder and its lock
					t.Errorf("the store holds %v", entries)
				}
			})
		}
	}
}

func TestGetDamagedArchive(t *testing.T) {
	names := []entry{{name: "One.txt", data: "uno\n"}}
	for _, data := range [][]byte{[]byte("<html>"), {}, tarOf(t, names...)[:40], zipOf(t, names...)[:60], []byte("PK"),
		gzipped(t, []byte("not tar"))} {
		server := serve(t, contents(data))
		s := storeIn(t)
		f := fileOf("One.txt", []byte("uno\n"))
		f.Member = "One.txt"
		err := s.Get(context.Background(), &Set{Name: "x", Archive: server.URL, Files: []File{f}})
		var wrong *datasets.Error
		if !errors.As(err, &wrong) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.10q: got %v", data, err)
		}
		holds(t, s, map[string]string{})
	}
}

// What comes after the limits of an archive is not there.
func TestGetLargeArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("packs 192 MiB")
	}
	one := entry{name: "One.txt", data: "uno\n"}
	many := make([]entry, maxEntries)
	for i := range many {
		many[i].name = strconv.Itoa(i)
	}
	large := entry{name: "large", data: strings.Repeat("\x00", maxUnpacked)}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"as many entries as allowed, tar", tarOf(t, append(many[:maxEntries-1:maxEntries-1], one)...), ""},
		{"too many entries, tar", tarOf(t, append(many, one)...), "the archive has no One.txt"},
		{"as many entries as allowed, zip", zipOf(t, append(many[:maxEntries-1:maxEntries-1], one)...), ""},
		{"too many entries, zip", zipOf(t, append(many, one)...), "an archive of 10001 entries"},
		{"too large", tarOf(t, large, one), "a damaged archive: unexpected EOF"},
	} {
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		packed, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		err = unpack(packed, []File{{Name: "One.txt", Member: "One.txt", Bytes: 4}}, func(_ File, r io.Reader) error {
			data, err := io.ReadAll(r)
			if string(data) != "uno\n" {
				t.Errorf("%s: %q", c.name, data)
			}
			return err
		})
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Of an archive only what is missing is unpacked, and what the user has there stays.
func TestGetArchivePart(t *testing.T) {
	one, two := entry{name: "One.txt", data: "uno\n"}, entry{name: "Two.txt", data: "dos\n"}
	server := serve(t, breaks(tarOf(t, one, two), 50), contents(tarOf(t, one, two)))
	s := storeIn(t)
	set := &Set{Name: "x", Archive: server.URL}
	for _, e := range []entry{one, two} {
		f := fileOf(e.name, []byte(e.data))
		f.Member = e.name
		set.Files = append(set.Files, f)
	}
	packed := gzipped(t, []byte("uno\n"))
	if err := os.MkdirAll(set.Folder(s.Dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(set.Folder(s.Dir), "One.txt.gz"), packed, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Get(context.Background(), set); err != nil {
		t.Fatal(err)
	}
	holds(t, s, map[string]string{"One.txt.gz": string(packed), "Two.txt": "dos\n"})
	if diff := cmp.Diff([]string{"", "bytes=50-"}, server.asked()); diff != "" {
		t.Error(diff)
	}
}
