//go:build unix

package catalog

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// What others have put in the place of a download is not written to, nor through.
func TestGetIntoAnObstacle(t *testing.T) {
	for name, put := range map[string]func(elsewhere, path string) error{
		"link":            os.Symlink,
		"link to nothing": func(elsewhere, path string) error { return os.Symlink(elsewhere+"-none", path) },
		"hard link":       os.Link,
		"pipe":            func(_, path string) error { return syscall.Mkfifo(path, 0o666) },
		"folder":          func(_, path string) error { return os.Mkdir(path, 0o777) },
	} {
		for _, at := range []string{"part", "lock"} {
			server := serve(t, contents(good))
			s := storeIn(t)
			set := &Set{Name: "x", Files: []File{fileOf("a", good, server.URL+"/a")}}
			folder := set.Folder(s.Dir)
			elsewhere := filepath.Join(t.TempDir(), "precious.txt")
			if err := os.MkdirAll(folder, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(elsewhere, []byte("years of work"), 0o666); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, partName("a", server.URL+"/a"))
			if at == "lock" {
				path = filepath.Join(s.Dir, ".x.lock")
			}
			if err := put(elsewhere, path); err != nil {
				t.Fatal(err)
			}
			var e *safefile.Error
			if err := s.Get(context.Background(), set); !errors.As(err, &e) || e.Path != path {
				t.Errorf("%s for a %s: %v", name, at, err)
			}
			if got, err := os.ReadFile(elsewhere); err != nil || string(got) != "years of work" {
				t.Errorf("%s for a %s: the file elsewhere is %.20q, %v", name, at, got, err)
			}
			if entries, err := os.ReadDir(filepath.Dir(elsewhere)); err != nil || len(entries) != 1 {
				t.Errorf("%s for a %s: elsewhere there is now %v, %v", name, at, entries, err)
			}
			if _, err := os.Lstat(filepath.Join(folder, "a")); err == nil {
				t.Errorf("%s for a %s: installed", name, at)
			}
		}
	}
}

// Of several that get one set at once, one downloads it and the others wait.
func TestGetTogether(t *testing.T) {
	server := serve(t, contents(good))
	s := storeIn(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			set := &Set{Name: "x", Files: []File{fileOf("a", good, server.URL+"/a")}}
			if err := s.Get(context.Background(), set); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	holds(t, s, map[string]string{"a": string(good)})
	if n := len(server.asked()); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
}

// Nobody is sent from an encrypted connection to one that is not.
func TestGetStaysEncrypted(t *testing.T) {
	plain := serve(t, contents(good))
	secret := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secret.Close()
	client := secret.Client()
	client.CheckRedirect = patient.CheckRedirect
	s := storeIn(t)
	s.Client = client
	err := s.Get(context.Background(), &Set{Name: "x", Files: []File{fileOf("a", good, secret.URL+"/a")}})
	if err == nil || !strings.Contains(err.Error(), "which is not encrypted") || len(plain.asked()) > 0 {
		t.Errorf("%v, %d requests", err, len(plain.asked()))
	}
	again := serve(t, contents(good))
	from := httptest.NewServer(http.RedirectHandler(again.URL, http.StatusFound))
	defer from.Close()
	s.Client = &http.Client{CheckRedirect: staysPrivate}
	if err := s.Get(context.Background(), &Set{Name: "x", Files: []File{fileOf("a", good, from.URL+"/a")}}); err != nil {
		t.Errorf("to another that is not encrypted either: %v", err)
	}
}
