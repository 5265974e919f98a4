package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/catalog"
)

// answering lets the network give one answer to everything.
type answering func(r *http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func withNetwork(t *testing.T, f answering) {
	t.Helper()
	before := newStore
	t.Cleanup(func() { newStore = before })
	newStore = func(dir string) *catalog.Store {
		return &catalog.Store{Dir: dir, Client: &http.Client{Transport: f}, Pause: time.Millisecond}
	}
}

func answer(code int, body string) answering {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// withSet makes a data set known.
func withSet(t *testing.T, s catalog.Set) {
	t.Helper()
	before := catalog.Sets
	t.Cleanup(func() { catalog.Sets = before })
	catalog.Sets = append(append([]catalog.Set{}, before...), s)
}

// hello is a data set of one file that holds "hello\n".
var hello = catalog.Set{
	Name: "hello", What: "a greeting", Licence: "none", Home: "https://example.org/hello",
	Files: []catalog.File{{Name: "a.txt",
		Bytes: 6, SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		URLs: []string{"https://example.org/a.txt"}}},
	Flags: []catalog.Flag{{Name: "--text", File: "a.txt"}},
}

func TestData(t *testing.T) {
	small(t, nil)
	dir := t.TempDir()
	t.Setenv(catalog.DirEnv, dir)
	withSet(t, hello)
	folder := filepath.Join(dir, "hello")
	want(t, exitNoInput, folder+" lacks a.txt: get it with unroll data get hello, or name another folder with "+
		"UNROLL_DATA", "data", "path", "hello")
	list := must(t, "data", "list")
	if !strings.Contains(list, "hello  (0.0 MB, not here)\n  a greeting\n  licence: none\nin "+dir+
		"; UNROLL_DATA names another folder\n") || !strings.Contains(list, "\nmnist  (55.0 MB, not here)\n  70,000 ") {
		t.Errorf("unroll data list:\n%s", list)
	}

	withNetwork(t, answer(200, "hello\n"))
	r := unroll("data", "get", "hello")
	if r.code != 0 || r.stderr != "downloading https://example.org/a.txt\n" ||
		r.stdout != "hello: 1 file, 0.0 MB, verified, in "+folder+"\nnext:\n  unroll train --data hello\n" {
		t.Errorf("unroll data get hello: %+v", r)
	}
	if got := readFile(t, filepath.Join(folder, "a.txt")); got != "hello\n" {
		t.Errorf("downloaded %q", got)
	}
	withNetwork(t, answer(500, ""))
	if got := must(t, "data", "get", "hello"); !strings.HasPrefix(got, "hello: 1 file,") {
		t.Errorf("got %q", got)
	}
	if got := must(t, "data", "path", "hello"); got != folder+"\n" {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(must(t, "data", "list"), "hello  (0.0 MB, here)\n  a greeting\n") {
		t.Error("the list does not show that it is there")
	}
}

func TestDataErrors(t *testing.T) {
	small(t, nil)
	dir := t.TempDir()
	t.Setenv(catalog.DirEnv, dir)
	withSet(t, hello)
	elsewhere := ", or put the files from https://example.org/hello into " + filepath.Join(dir, "hello")
	want(t, exitUsage, `there is no data set "cifar": it must be one of tinyshakespeare, makemore_names, names18, names18_tutorial, mnist, news2012_enhi, multi30k, m4_hourly, ud_french_sequoia, uea, hello`, "data", "get", "hello", "cifar")
	want(t, exitUsage, `expected "<NAME> ..."; see unroll data get --help`, "data", "get")
	want(t, exitUsage, `expected one of "list", "get", "path"; see unroll data --help`, "data")

	withNetwork(t, answer(404, ""))
	want(t, exitNoInput, "https://example.org/a.txt: the server answers 404 Not Found: see whether a newer unroll "+
		"knows another address"+elsewhere, "data", "get", "hello")
	withNetwork(t, answer(503, ""))
	want(t, exitIO, "https://example.org/a.txt: the server answers 503 Service Unavailable: try again later"+elsewhere,
		"data", "get", "hello")
	withNetwork(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") })
	want(t, exitIO, `https://example.org/a.txt: no route to host: check the network and repeat the command, it goes on from there`+elsewhere, "data", "get", "hello")
	withNetwork(t, func(*http.Request) (*http.Response, error) { return nil, context.Canceled })
	want(t, exitStopped, "stopped: repeat the command to go on from there", "data", "get", "hello")

	withNetwork(t, answer(200, "jello\n"))
	r := unroll("data", "get", "hello")
	if r.code != exitData || !strings.HasSuffix(r.stderr,
		"unroll: https://example.org/a.txt: the contents of a.txt are wrong (sha256 8b128914480c of 6 bytes, want sha256 "+
			"5891b5b522d5 of 6 bytes): nothing was installed; try again later, or get the file elsewhere\n") {
		t.Errorf("%+v", r)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "hello")); len(entries) != 0 {
		t.Errorf("%d files were installed", len(entries))
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(catalog.DirEnv, "file")
	want(t, exitNoOutput, "file cannot be written (not a directory): name another folder with UNROLL_DATA", "data",
		"get", "hello")
}
