package main

import (
	"os"
	"testing"
)

// What messages name can be typed as it stands.
func TestCommandOf(t *testing.T) {
	const cached = "/root/.cache/go-build/ab/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff-d/unroll"
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, name, want string }{
		{here, "unroll", "unroll"},
		{here, "./unroll", "./unroll"},
		{here, "../my tools/unroll", "'../my tools/unroll'"},
		{here + "/../..", "/tmp/go-build123/b001/exe/unroll", "go run ./cmd/unroll"},
		{here + "/../..", cached, "go run ./cmd/unroll"},
		{t.TempDir(), cached, "go run github.com/unroll-ml/unroll/cmd/unroll"},
	} {
		t.Chdir(c.dir)
		if got := commandOf(c.name); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.name, c.dir, got, c.want)
		}
	}
}
