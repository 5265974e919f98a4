package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
)

// TestExport writes a run as ONNX, with its vocabulary, and computes the text that unroll sample writes.
func TestExport(t *testing.T) {
	t.Chdir(t.TempDir())
	trainSmall(t, "--steps", "12", "--cell", "gru", "--hidden", "16", "--threads", "1")
	out := must(t, "export", "run", "--onnx", "lm.onnx")
	for _, want := range []string{
		"lm.onnx: ", " bytes\n  takes tokens int32[batch, time]\n  takes lengths int32[batch]\n  takes states float32[",
		"\n  gives logits float32[batch, time, ", "\n  gives next_states float32[",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	file, err := os.ReadFile("lm.onnx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxtest.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]string{}
	for _, e := range m.Metadata {
		about[e.Key] = e.Value
	}
	if about["unroll.task"] != "lm" || about["unroll.step"] != "12" ||
		about["vocab.json"] != readFile(t, "run/vocab.json") {
		t.Errorf("the file says of itself %v", about)
	}
	tokens := jsonLines(t, about["vocab.json"])[0]["tokens"].([]any)
	number := map[string]int32{}
	for i, x := range tokens {
		number[x.(string)] = int32(i)
	}
	states := m.Graph.Inputs[2].Dims
	in := map[string]*onnxtest.Tensor{
		"tokens": onnxtest.Ints([]int32{number["t"], number["h"]}, 1, 2), "lengths": onnxtest.Ints([]int32{2}, 1),
		"states": onnxtest.Floats(make([]float32, states[0].Size*states[2].Size), states[0].Size, 1, states[2].Size),
	}
	text := "th"
	for range 12 {
		got, err := onnxtest.Run(file, in)
		if err != nil {
			t.Fatal(err)
		}
		next, best, logits := int32(0), math.Inf(-1), got["logits"].Data
		for i, x := range logits[len(logits)-len(tokens):] {
			if x > best {
				next, best = int32(i), x
			}
		}
		text += tokens[next].(string)
		in["tokens"], in["lengths"] = onnxtest.Ints([]int32{next}, 1, 1), onnxtest.Ints([]int32{1}, 1)
		in["states"] = got["next_states"]
	}
	want := must(t, "sample", "run", "--prompt", "th", "--temperature", "0", "--length", "12")
	if want != text+"\n" {
		t.Errorf("the file writes %q, unroll sample %q", text, want)
	}
}

// Each is one line with its exit code, and leaves no file.
func TestExportRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	trainSmall(t, "--steps", "3", "--cell", "gru", "--hidden", "4", "--threads", "1")
	if err := os.Mkdir("folder", 0o777); err != nil {
		t.Fatal(err)
	}
	for args, c := range map[string]struct {
		code int
		line string
	}{
		"export run":                                  {exitUsage, "missing flags: --onnx=FILE"},
		"export run --onnx x.onnx --part step":        {exitUsage, `--part is "step": of a language model it must be whole`},
		"export run --onnx folder":                    {exitNoOutput, "--onnx: folder is no file that can be replaced: name another"},
		"export run --onnx none/x.onnx":               {exitNoOutput, "--onnx: none/x.onnx cannot be written ("},
		"export none --onnx x.onnx":                   {exitNoInput, "RUN: none does not exist"},
		"export folder --onnx x.onnx":                 {exitData, "RUN: folder is no run"},
		"export run --onnx x.onnx --checkpoint worst": {exitUsage, `--checkpoint is "worst"`},
	} {
		r := unroll(strings.Fields(args)...)
		if r.code != c.code || !strings.Contains(r.stderr, c.line) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: code %d and %q, want %d and %q", args, r.code, r.stderr, c.code, c.line)
		}
	}
	if left, _ := filepath.Glob("*.onnx"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
