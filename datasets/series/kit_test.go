package series

import (
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

var nan = math.NaN()

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zip(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, name, data string, o Options) *Set {
	t.Helper()
	set, err := Read(write(t, name, []byte(data)), o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func readCases(t testing.TB, name, data string, o Options) *Cases {
	t.Helper()
	cases, err := ReadCases(write(t, name, []byte(data)), o)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// same compares with NaN equal to NaN.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// wantError wants an *Error of one line, in which FILE stands for the path.
func wantError(t testing.TB, what, path string, err error, want string) {
	t.Helper()
	var e *datasets.Error
	want = strings.ReplaceAll(want, "FILE", path)
	if !errors.As(err, &e) || e.Error() != want || strings.ContainsAny(e.Error(), "\r\n") {
		t.Errorf("%s:\ngot  %v\nwant %s", what, err, want)
	}
}

// values are those of the only target, by name.
func values(set *Set) map[string][]float64 {
	all := map[string][]float64{}
	for _, s := range set.Series {
		all[s.ID] = s.Values[0]
	}
	return all
}

// wrong is a file that cannot be used; of .ts and .tsv files, and with a label, cases are read.
type wrong struct {
	what, name, data, want string
	Options
}

func bad(what, name, data, want string, o ...Options) wrong {
	return wrong{what, name, data, want, append(o, Options{})[0]}
}

func wrongs(t *testing.T, files ...wrong) {
	t.Helper()
	for _, c := range files {
		t.Run(c.what, func(t *testing.T) {
			path := write(t, c.name, []byte(c.data))
			var err error
			if e := extension(path); e == ".ts" || e == ".tsv" || e == ".txt" || c.Label != "" {
				_, err = ReadCases(path, c.Options)
			} else {
				_, err = Read(path, c.Options)
			}
			wantError(t, c.what, path, err, c.want)
		})
	}
}
