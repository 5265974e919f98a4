package cmdline

import (
	"path/filepath"
	"runtime/debug"
	"testing"
)

// What messages name can be typed as it stands.
func TestCalled(t *testing.T) {
	const cached = "/home/me/.cache/go-build/ab/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff-d/unroll"
	here, err := filepath.Abs("../../cmd/unroll")
	if err != nil {
		t.Fatal(err)
	}
	plain := &debug.BuildInfo{Path: "github.com/unroll-ml/unroll/cmd/unroll",
		Main: debug.Module{Path: "github.com/unroll-ml/unroll"}}
	tagged := *plain
	tagged.Settings = []debug.BuildSetting{{Key: "-tags", Value: "gpu"}}
	for _, c := range []struct {
		dir, name string
		info      *debug.BuildInfo
		want      string
	}{
		{here, "unroll", plain, "unroll"},
		{here, "./unroll", plain, "./unroll"},
		{here, "../my tools/unroll", &tagged, "'../my tools/unroll'"},
		{here + "/../..", "/tmp/go-build123/b001/exe/unroll", plain, "go run ./cmd/unroll"},
		{here + "/../..", cached, plain, "go run ./cmd/unroll"},
		{here + "/../..", cached, &tagged, "go run -tags gpu ./cmd/unroll"},
		{t.TempDir(), cached, plain, "go run github.com/unroll-ml/unroll/cmd/unroll"},
		{here, cached, nil, "unroll"},
	} {
		t.Chdir(c.dir)
		if got := Called(c.name, c.info); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.name, c.dir, got, c.want)
		}
	}
}
