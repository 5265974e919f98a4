package cmdline

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// builtByRun are the places where go run keeps a program: a temporary folder, or the cache of builds.
var builtByRun = regexp.MustCompile(`[/\\]go-build\d+[/\\]b\d+[/\\]exe[/\\]|[/\\][0-9a-f]{64}-d[/\\]`)

// Called is what a person types to run a program again that was built so and started with this as its name; nil: how it
// was built is unknown.
func Called(name string, info *debug.BuildInfo) string {
	if !builtByRun.MatchString(name) {
		return Quote(name)
	}
	if info == nil {
		return "unroll"
	}
	words := []string{"go", "run"}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			words = append(words, "-tags", Quote(s.Value))
		}
	}
	pkg := info.Path // of this package
	here := strings.TrimPrefix(pkg, info.Main.Path)
	if _, err := os.Stat(filepath.Join(".", here, "main.go")); err == nil {
		pkg = "." + here
	}
	return strings.Join(append(words, pkg), " ")
}
