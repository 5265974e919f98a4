// Command notices writes the licences of what the unroll command holds of others, as their licences ask of
// whoever passes it on.
//
//	go run ./internal/notices > THIRD_PARTY_LICENSES      write them anew
//	go run ./internal/notices -check                       say whether the file in the current folder is current
//
// It asks the go command which modules are linked, with and without the GPU and MPI, and takes their LICENSE and NOTICE
// files from the module cache.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const file = "THIRD_PARTY_LICENSES"

const head = `What the unroll command holds of others: the modules below, with their licences. Written by go run ./internal/notices.

For a person to judge, before a binary is passed on:

- The README files of gorgonia.org/gorgonia and gorgonia.org/tensor call their licence a variant of Apache 2.0 under which one may not
  profit directly from the package itself; the LICENSE files are those below.
- The README file of gorgonia.org/cu, which is in binaries that are built with -tags gpu, says that parts of three of its files
  (execution.go, memory.go, cgoflags.go) come from code without a licence, and to assume one like the GPL for them.
- github.com/golang/freetype, which draws the letters of pictures, is under the FreeType License or the GPL, by choice: it is used under the
  former, which asks for the credit that its text below gives.
- github.com/hashicorp/errwrap and go-multierror, which come with the completion of the shell, are under the Mozilla Public License 2.0:
  their files are used as they are, and are to be had at the addresses that are their names.
`

func main() {
	check := flag.Bool("check", false, "say whether "+file+" is current")
	flag.Parse()
	text, err := notices()
	if err == nil && *check {
		var now []byte
		if now, err = os.ReadFile(file); err == nil && !bytes.Equal(now, text) {
			err = fmt.Errorf("%s is not current: write it anew with go run ./internal/notices > %s", file, file)
		}
	} else if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// notices are the licences of all linked modules, by their paths.
func notices() ([]byte, error) {
	modules, err := linked()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(head)
	for _, m := range modules {
		path, dir, _ := strings.Cut(m, "\t")
		texts, err := licences(dir)
		if err != nil {
			return nil, err
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("%s has no licence in %s", path, dir)
		}
		for _, t := range texts {
			text, err := os.ReadFile(t)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "\n%s\n%s, %s\n\n%s\n", strings.Repeat("=", 80), path, filepath.Base(t),
				bytes.TrimSpace(inUTF8(text)))
		}
	}
	return append(bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("\r\n"), []byte("\n")), '\n'), nil
}

// inUTF8 is a text as UTF-8: what is not was written in Latin-1, whose bytes are code points.
func inUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	points := make([]rune, len(text))
	for i, c := range text {
		points[i] = rune(c)
	}
	return []byte(string(points))
}

// linked are the modules of the command's packages, and Go's own library, each as "path version TAB folder", sorted.
func linked() ([]string, error) {
	var all []string
	for _, tags := range []string{"", "gpu", "mpi"} {
		const format = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{"\t"}}{{.Dir}}{{end}}{{end}}`
		cmd := exec.Command("go", "list", "-deps", "-tags", tags, "-f", format, "./cmd/unroll")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, strings.Split(strings.TrimSpace(string(out)), "\n")...)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	all = append(all, "Go's standard library\t"+strings.TrimSpace(string(root)))
	slices.Sort(all)
	return slices.Compact(slices.DeleteFunc(all, func(m string) bool { return m == "" })), nil
}

// licences are the paths of the files of a module that say who may do what with it.
func licences(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() && (name == "LICENSES" || name == "LICENCES") { // those that LICENSE offers for choice
			texts, err := os.ReadDir(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			for _, t := range texts {
				paths = append(paths, filepath.Join(dir, e.Name(), t.Name()))
			}
		}
		for _, begin := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"} {
			if strings.HasPrefix(name, begin) && e.Type().IsRegular() {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths, nil
}
