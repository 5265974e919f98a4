// Command recording records the first minutes with unroll for README.md: it types commands into a terminal of 80
// columns, in a fresh clone and with an empty home folder, and writes what the terminal shows.
//
//	go run ./bench/recording             writes it into README.md
//	go run ./bench/recording -check      compares it with README.md, numbers and this machine's words left out
//
// The clone is of what was committed. It needs git, bash, script (util-linux) and curl, takes a few minutes, and uses Go's
// caches of whoever runs it. Port 8080 must be free.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

const readme = "README.md"

func main() {
	check := flag.Bool("check", false, "compare with README.md, and do not write it")
	flag.Parse()
	if err := record(*check); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

func record(check bool) error {
	page, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	before, err := block(string(page))
	if err != nil {
		return err
	}
	shown, err := perform(scenes)
	if err != nil {
		return err
	}
	if check {
		if err := compare(before, shown); err != nil {
			return err
		}
		fmt.Println("the recording in README.md shows what the commands write")
		return nil
	}
	return os.WriteFile(readme, []byte(replace(string(page), shown)), 0o644)
}

// perform types the scenes in a fresh clone.
func perform(scenes []scene) (shown string, err error) {
	dir, err := os.MkdirTemp("", "recording")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	clone, home := filepath.Join(dir, "unroll"), filepath.Join(dir, "home")
	if out, err := exec.Command("git", "clone", "--quiet", ".", clone).CombinedOutput(); err != nil {
		return "", errors.Errorf("git clone: %v %s", err, out)
	}
	if err := os.Mkdir(home, 0o755); err != nil {
		return "", err
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TERM=xterm", "LC_ALL=C.UTF-8"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return "", errors.Wrap(err, "go env")
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	terminals := map[string]*terminal{}
	defer func() {
		for _, t := range terminals {
			t.close()
		}
	}()
	var b strings.Builder
	for _, s := range scenes {
		t := terminals[s.terminal]
		if t == nil {
			if t, err = open(clone, env); err != nil {
				return "", err
			}
			terminals[s.terminal] = t
		}
		lines, err := t.perform(s)
		if err != nil {
			return "", errors.Wrap(err, s.command)
		}
		b.WriteString(strings.Join(shorten(lines, s.cuts), "\n") + "\n")
	}
	return b.String(), nil
}
