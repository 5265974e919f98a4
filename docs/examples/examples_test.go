// Package examples holds that the programs beside it do what they say.
package examples

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets/tasks"
)

// programs is the folder of the built programs, by their names.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = filepath.Join(dir, "bin")
	if err := outside(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator), "./...")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// outside makes a module of the programs: they are built as anybody's are, with what is public alone.
func outside(dir string) error {
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, "examples_test.go")); err != nil {
		return err
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	text := strings.Replace(string(mod), "module github.com/unroll-ml/unroll", "module example.com/examples", 1)
	text = regexp.MustCompile(`(?m)^tool .*$`).ReplaceAllString(text, "")
	text += "\nrequire github.com/unroll-ml/unroll v0.0.0\n\nreplace github.com/unroll-ml/unroll => " + root + "\n"
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600),
	)
}

func command(dir, name string, args ...string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	c := exec.Command(filepath.Join(programs, name), args...)
	c.Dir = dir
	return c
}

// output runs a program in a folder, and gives what it writes.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := command(dir, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// number is the first number that a pattern finds in a text.
func number(t *testing.T, text, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %q in\n%s", pattern, text)
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// write makes a file of lines.
func write(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The README shows parts of the programs, and one as a whole.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1) {
		block, known := trimmed(m[1]), false
		for _, path := range paths {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			known = known || strings.Contains(trimmed(source), block)
			if strings.HasPrefix(block, "package main\n") && strings.HasSuffix(trimmed(source), block) {
				whole++
			}
		}
		if !known {
			t.Errorf("README.md shows what is in none of the programs:\n%s", m[1])
		}
	}
	if whole != 1 {
		t.Errorf("README.md shows %d whole programs, want 1", whole)
	}
}

// trimmed is a source without indentation.
func trimmed(source []byte) string {
	lines := strings.Split(string(source), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// The table of docs/architecture.md has a row for each package of the module, and names files that are there.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| .* \\| (`[^|]*) \\|$").FindAllStringSubmatch(
		string(text), -1,
	) {
		rows[m[1]] = true
		for _, file := range strings.Split(m[2], ", ") {
			if _, err := os.Stat(filepath.Join("../..", m[1], strings.Trim(file, "`"))); err != nil {
				t.Error(err)
			}
		}
	}
	list := exec.Command("go", "list", "-f", `{{slice .ImportPath (len .Module.Path)}}`, "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(out)) {
		name := strings.TrimPrefix(line, "/")
		if !rows[name] && !strings.HasPrefix(name, "docs/examples/") {
			t.Errorf("docs/architecture.md has no row for %s", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("docs/architecture.md has a row for %s, which is no package", name)
	}
}

func TestOwnCell(t *testing.T) {
	out := output(t, t.TempDir(), "owncell", "-steps", "100")
	if loss := number(t, out, `best validation loss: (\S+)`); loss > 2 { // nats per character; a guess has about 4
		t.Errorf("a loss of %g", loss)
	}
	lines := strings.SplitN(out, "best validation loss: ", 2)
	if text := strings.TrimSpace(lines[1]); len(text) < 80 {
		t.Errorf("it wrote %q", text)
	}
}

func TestOwnModel(t *testing.T) {
	out := output(t, t.TempDir(), "ownmodel")
	if loss := number(t, out, `best validation loss: (\S+)`); loss > 0.01 { // a guess of 0 has 0.5
		t.Errorf("an error of %g", loss)
	}
	follows, says := number(t, out, `what follows: (\S+);`), number(t, out, `the model says (\S+)`)
	if math.Abs(follows-says) > 0.2 {
		t.Errorf("%g follows, and the model says %g", follows, says)
	}
}

// The classes of texts are their only letters of a to d; all others are of e to h.
func TestMinGRU(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 0))
	var lines []string
	for range 600 {
		text := make([]byte, 12)
		for i := range text {
			text[i] = 'e' + byte(random.IntN(4))
		}
		class := 'a' + byte(random.IntN(4))
		text[random.IntN(len(text))] = class
		lines = append(lines, fmt.Sprintf("%s\tfound %c", text, class))
	}
	write(t, filepath.Join(dir, "table.tsv"), lines)
	texts := []string{"afghfeehgfeg", "fghfeehgbfeg", "ghfeehgfecgh", "efghfghfeehd"}
	out := output(t, dir, "mingru", texts...)
	for i, text := range texts {
		if want := fmt.Sprintf("%s is found %c\n", text, 'a'+i); !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A GPU is used where there is one; here the CPU stands in for it.
func TestGPU(t *testing.T) {
	dir := t.TempDir()
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("%dova\tslavic", i*i), fmt.Sprintf("%dssen\tnordic", i*i))
	}
	write(t, filepath.Join(dir, "names.tsv"), lines)
	out := output(t, dir, "gpu", "-epochs", "4", "17ova", "17ssen")
	for _, want := range []string{"computing on ", "17ova: slavic\n", "17ssen: nordic\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A translator is trained on a file of pairs; trained again it is left as it is; and then it serves.
// Waves of two frequencies, at any phase, of 20 to 29 steps; asked about longer ones.
func TestSeries(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	wave := func(class, steps int) string {
		phase, values := 2*math.Pi*random.Float64(), make([]string, steps)
		for s := range values {
			values[s] = fmt.Sprintf("%.3f", 50+20*math.Sin(phase+float64(s)*[]float64{0.3, 0.9}[class]))
		}
		return strings.Join(values, ",")
	}
	lines := []string{"@problemName waves", "@univariate true", "@classLabel true slow fast", "@data"}
	for i := range 60 {
		lines = append(lines, wave(i%2, 20+i%10)+":"+[]string{"slow", "fast"}[i%2])
	}
	write(t, filepath.Join(dir, "train.ts"), lines)
	write(t, filepath.Join(dir, "new.ts"),
		[]string{"@problemName waves", "@classLabel false", "@data", wave(1, 35), wave(0, 35)})
	out := output(t, dir, "series")
	if !regexp.MustCompile(`(?m)^series 1: fast, probability (0.9|1.0).\nseries 2: slow, probability (0.9|1.0).\n`).MatchString(out) {
		t.Errorf("it says\n%s", out)
	}
}

// A sentence is tagged as a whole as it is word by word.
func TestTagger(t *testing.T) {
	out := output(t, t.TempDir(), "tagger")
	if !strings.Contains(out, "\na sentence:  [O B-THING O O O B-PLACE]\nthe\tO\t") {
		t.Errorf("it wrote\n%s", out)
	}
	for _, want := range []string{"candle9999\tB-THING\t", "bloom9999\tB-PLACE\t"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestSeq2SeqAndServe(t *testing.T) {
	dir := t.TempDir()
	pairs, _, err := tasks.Pairs("reverse", tasks.Config{Seed: 1, Train: 1500, Valid: 1, Longest: 4})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range pairs.Len() {
		p, err := pairs.Pair(i)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, p.Source+"\t"+p.Target)
	}
	write(t, filepath.Join(dir, "pairs.tsv"), lines)
	out := output(t, dir, "seq2seq", "-epochs", "8", "abc")
	if loss := number(t, out, `best validation loss (\S+)`); loss > 1.5 {
		t.Errorf("a loss of %g", loss)
	}
	if !strings.HasSuffix(out, "abc -> cba\n") {
		t.Errorf("it translates\n%s", out)
	}
	again := output(t, dir, "seq2seq", "-epochs", "8", "dab", "abc")
	if want := "dab -> bad\nabc -> cba\n"; again != want {
		t.Errorf("the second time it says %q, want %q", again, want)
	}

	server := command(dir, "serve", "-address", "127.0.0.1:0")
	written, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	line, err := bufio.NewReader(written).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	got, err := http.Post(url, "text/plain", strings.NewReader("abc\n\ndab"))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := "cba\n\nbad\n"; string(body) != want {
		t.Errorf("served %q, want %q", body, want)
	}
}
