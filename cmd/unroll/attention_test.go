package main

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAttentionPage(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "swaps.tsv", swaps(400))
	must(t, strings.Fields(seq2seqSmall+"--epochs 12 --lr 0.02 --out run")...)
	const lines = "b213\n\na<b>&\"\na370\n"
	for _, search := range []string{"", " --beam 4", " --temperature 0.5"} {
		answers(t, lines, strings.Fields("translate run --attention look.html"+search)...)
		page := readFile(t, "look.html")
		for _, want := range []string{
			`<li value="1"><a href="#s1" dir="auto">b213</a>`, `<li value="3"><a href="#s3" dir="auto">a&lt;b&gt;&amp;&#34;</a>`, `<section id="s4">`,
			`<th scope="col">a</th><th scope="col">&lt;</th><th scope="col">b</th>`, `<th scope="col">■</th></tr>`, " looks at ", "run, gru of 24 units, attention additive, after step ",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("translate%s: %q is not in the page", search, want)
			}
		}
		for _, bad := range []string{"a<b>", "<script", "http:", "https:", "src=", "ZgotmplZ"} {
			if strings.Contains(page, bad) {
				t.Errorf("translate%s: %q is in the page", search, bad)
			}
		}
		sections := strings.Split(page, "<section ")[1:]
		if len(sections) != 3 {
			t.Fatalf("translate%s: %d pictures of 3 lines", search, len(sections))
		}
		for i, tokens := range []int{5, 7, 5} {
			for _, row := range regexp.MustCompile(`<tr><th scope="row">.*`).FindAllString(sections[i], -1) {
				cells := regexp.MustCompile(`--w:([0-9.]+)"`).FindAllStringSubmatch(row, -1)
				sum := 0.0
				for _, c := range cells {
					w, err := strconv.ParseFloat(c[1], 64)
					if err != nil {
						t.Fatal(err)
					}
					sum += w
				}
				if len(cells) != tokens || math.Abs(sum-1) > 0.0005*float64(tokens) {
					t.Errorf("translate%s: a row of %d squares that add up to %g: %s", search, len(cells), sum, row)
				}
			}
		}
	}

	// What is written as 3, then as 7, was read as 3, as 7: somewhere in its row the right square is dark.
	answers(t, "a370\n", "translate", "run", "--attention", "look.html")
	for _, digit := range []string{"3", "7"} {
		if !regexp.MustCompile(`title="0\.[3-9]\d\d  ` + digit + ` looks at `).MatchString(readFile(t, "look.html")) {
			t.Errorf("%s was written without a look at anything", digit)
		}
	}

	if err := os.MkdirAll("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, "look.html")
	want(t, exitNoOutput, "--attention: folder is no file that can be replaced: name another", "translate", "run",
		"--attention", "folder")
	want(t, exitNoOutput, "--attention: none/look.html cannot be written (no such file or directory): name another "+
		"file", "translate", "run", "--attention", "none/look.html")
	if r := unrollOn("a1\n\xff\n", "translate", "run", "--attention", "look.html"); r.code != exitData ||
		readFile(t, "look.html") != before {
		t.Errorf("%d, and the page was replaced by one that is not complete: %s", r.code, r.stderr)
	}
	must(t, strings.Fields(seq2seqSmall+"--steps 2 --attention none --out plain")...)
	want(t, exitUsage, "--attention draws where the attention looked, and the model of plain has none: leave it "+
		"out, or train a model with --attention dot", "translate", "plain", "--attention", "look.html")
	want(t, exitUsage, "--coverage-penalty asks where the attention looked, and the model of plain has none: leave "+
		"it out", "translate", "plain", "--beam", "2", "--coverage-penalty", "0.2")
}
