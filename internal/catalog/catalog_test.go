package catalog

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSets(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Sets {
		if seen[s.Name] || s.Bytes() < 100_000 || s.What == "" || s.Licence == "" || s.Home == "" || len(s.Flags) == 0 {
			t.Errorf("%s: twice, or something is missing", s.Name)
		}
		seen[s.Name] = true
		for _, f := range s.Files {
			if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(f.SHA256) || f.Bytes < 1 || filepath.Base(f.Name) != f.Name {
				t.Errorf("%s: %+v", s.Name, f)
			}
			if (s.Archive == "") != (len(f.URLs) > 0) || (s.Archive == "") != (f.Member == "") {
				t.Errorf("%s: %s has addresses %v and the member %q", s.Name, f.Name, f.URLs, f.Member)
			}
			if seen[s.Name+"/"+f.Name] {
				t.Errorf("%s: %s twice", s.Name, f.Name)
			}
			seen[s.Name+"/"+f.Name] = true
		}
		for _, flag := range s.Flags {
			if flag.File != "" && !seen[s.Name+"/"+flag.File] {
				t.Errorf("%s: %s reads %s, which is not there", s.Name, flag.Name, flag.File)
			}
		}
		if found, ok := Find(s.Name); !ok || found.Name != s.Name {
			t.Errorf("%s is not found", s.Name)
		}
	}
	if _, ok := Find("cifar10"); ok {
		t.Error("found what is not there")
	}
}

// What is in the folder of data sets, if there is one, is what the catalog says.
func TestSetsThatAreHere(t *testing.T) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		t.Skip("needs " + DirEnv)
	}
	store := &Store{Dir: dir, Client: offline}
	for _, s := range Sets {
		if missing := s.Missing(dir); len(missing) > 0 {
			t.Logf("%s: not here, it lacks %q", s.Name, missing)
		} else if err := store.Get(context.Background(), &s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// offline fails whenever it is used.
var offline = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
	return nil, errOffline
})}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDefaultDir(t *testing.T) {
	t.Setenv(DirEnv, "/data")
	if dir, err := DefaultDir(); dir != "/data" || err != nil {
		t.Error(dir, err)
	}
	t.Setenv(DirEnv, "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	if dir, err := DefaultDir(); filepath.Base(dir) != "unroll" || err != nil {
		t.Error(dir, err)
	}
}

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	s := &Set{Name: "x", Files: []File{{Name: "a"}, {Name: "b"}},
		Flags: []Flag{{"--src", "a"}, {"--tgt", "b"}, {"--folder", ""}}}
	if got := s.Missing(dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("missing %q", got)
	}
	if err := os.MkdirAll(filepath.Join(dir, "x", "b"), 0o755); err != nil { // a folder is no file
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x", "a.gz"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.Missing(dir); !slices.Equal(got, []string{"b"}) {
		t.Errorf("missing %q", got)
	}
	want := "--src " + filepath.Join(dir, "x", "a.gz") + " --tgt " + filepath.Join(dir, "x", "b") + " --folder " +
		filepath.Join(dir, "x")
	if got := strings.Join(s.Arguments(dir), " "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
