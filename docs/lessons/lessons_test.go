package lessons_test

import (
	"flag"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write blocks of code and output, recorded numbers and pictures anew")

// fence is a fenced block, with the mark above it, if there is one:
//
//	<!-- code: NAME -->      a region of a test file
//	<!-- output: NAME -->    the checked output of an Example
//	<!-- measured -->        what a terminal showed: commands after "$ ", and what they wrote
var fence = regexp.MustCompile("(?m)^(?:<!-- (code|output|measured):? ?(\\w*) -->\n)?```(\\w*)\n((?:.*\n)*?)```$")

// TestBlocks holds that the lessons show the code that runs and the output that it has.
func TestBlocks(t *testing.T) {
	regions, outputs := sources(t)
	shown := map[string]bool{}
	for _, path := range lessons(t) {
		text := read(t, path)
		written := fence.ReplaceAllStringFunc(text, func(block string) string {
			m := fence.FindStringSubmatch(block)
			mark, name, language, body := m[1], m[2], m[3], m[4]
			source, known := body, true
			switch mark {
			case "code":
				source, known = regions[name]
				shown[name] = true
			case "output":
				source, known = outputs[name]
			case "measured":
				known = language == "console"
			default:
				if language != "math" && language != "sh" {
					t.Errorf("%s: nothing says where this block is from:\n%s", path, block)
				}
			}
			if !known {
				t.Errorf("%s: there is no %s %q", path, mark, name)
				return block
			}
			if source != body && !*update {
				t.Errorf("%s: %s %s is\n%s\nbut the lesson shows\n%s", path, mark, name, source, body)
			}
			return strings.TrimSuffix(block, body+"```") + source + "```"
		})
		if *update && written != text {
			write(t, path, written)
		}
	}
	for name := range regions {
		if !shown[name] {
			t.Errorf("no lesson shows the code %q", name)
		}
	}
}

// decimal is a number with a decimal point, alone.
var decimal = regexp.MustCompile(`\d[\d,]*\.\d+`)

// TestNumbers holds that each decimal number in a lesson's text stands in one of the lesson's blocks, with at
// least as many digits.
func TestNumbers(t *testing.T) {
	for _, path := range lessons(t) {
		text := read(t, path)
		var blocks strings.Builder
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "" {
				blocks.WriteString(m[4])
			}
		}
		known := decimal.FindAllString(blocks.String(), -1)
		for _, number := range decimal.FindAllString(link.ReplaceAllString(fence.ReplaceAllString(text, ""), "$1"), -1) {
			if !slices.Contains(known, number) {
				t.Errorf("%s says %s, which none of its blocks says", path, number)
			}
		}
	}
}

var (
	link = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	// command is a call of unroll, with its flags.
	command = regexp.MustCompile(`(?m)^\$ .*?\bunroll (?:(train|eval|sample|classify|tag|translate|data)\b) ?(lm|classify|seq2seq|tag|list|get|path)?(.*)$`)
	option  = regexp.MustCompile(`(?:^| )(--[a-z0-9-]+)`)
)

// TestLinks holds that what the lessons link to is there.
func TestLinks(t *testing.T) {
	pictures := map[string]bool{}
	for _, path := range append(lessons(t), "README.md") {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, path), ""), -1) {
			target, _, _ := strings.Cut(m[2], "#")
			if strings.Contains(target, "://") || target == "" {
				continue
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if strings.HasSuffix(target, ".svg") {
				pictures[target] = true
				if m[1] == "" {
					t.Errorf("%s: the picture %s is not described", path, target)
				}
			}
		}
	}
	all, _ := filepath.Glob("pictures/*.svg")
	for _, p := range all {
		if !pictures[p] {
			t.Errorf("no lesson shows %s", p)
		}
	}
}

// TestCommands holds that the commands in the lessons have the flags that unroll has.
func TestCommands(t *testing.T) {
	const help = "../../cmd/unroll/testdata/help"
	for _, path := range lessons(t) {
		for _, m := range command.FindAllStringSubmatch(read(t, path), -1) {
			file := help + "-" + m[1]
			if m[1] == "train" && m[2] != "" {
				file += "-" + m[2]
			}
			known := read(t, file+".txt")
			arguments, _, _ := strings.Cut(m[3], "|")
			for _, o := range option.FindAllStringSubmatch(arguments, -1) {
				if !regexp.MustCompile(o[1] + `\b`).MatchString(known) {
					t.Errorf("%s: %s has no %s", path, strings.TrimSpace(m[0]), o[1])
				}
			}
		}
	}
}

// ran is a test or an Example that a terminal showed.
var ran = regexp.MustCompile(`(?m)^=== RUN +(\w+)$`)

// TestRuns holds that the tests that the lessons show are there.
func TestRuns(t *testing.T) {
	var code strings.Builder
	for _, path := range testFiles(t) {
		code.WriteString(read(t, path))
	}
	for _, path := range lessons(t) {
		for _, m := range ran.FindAllStringSubmatch(read(t, path), -1) {
			if !strings.Contains(code.String(), "func "+m[1]+"(") {
				t.Errorf("%s shows %s, which is not there", path, m[1])
			}
		}
	}
}

// lessons are the lessons' files, in order.
func lessons(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("[0-9]*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no lessons: %v", err)
	}
	return paths
}

func testFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// sources are the regions of the test files, without the tabs that all lines have, and the outputs of the Examples.
func sources(t *testing.T) (regions, outputs map[string]string) {
	t.Helper()
	regions, outputs = map[string]string{}, map[string]string{}
	for _, path := range testFiles(t) {
		text := read(t, path)
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range doc.Examples(file) {
			outputs[strings.TrimPrefix(e.Name, "_")] = e.Output
		}
		var name string
		for line := range strings.Lines(text) {
			switch mark, is := strings.CutPrefix(strings.TrimSpace(line), "//lesson:"); {
			case is && mark == "end":
				name = ""
			case is:
				name = mark
			case name != "":
				regions[name] += line
			}
		}
	}
	for name, code := range regions {
		lines := slices.Collect(strings.Lines(code))
		for !slices.ContainsFunc(lines, func(s string) bool { return s != "\n" && s[0] != '\t' }) {
			for i := range lines {
				lines[i] = strings.TrimPrefix(lines[i], "\t")
			}
		}
		regions[name] = strings.ReplaceAll(strings.Join(lines, ""), "\t", "    ")
	}
	return regions, outputs
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
