package apply

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

// block answers a block of lines with its size and the number of each line.
func block(first int, lines []string) (string, error) {
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%d of %d: %s\n", first+i, len(lines), line)
	}
	return b.String(), nil
}

func TestEachBlock(t *testing.T) {
	var out strings.Builder
	if err := eachBlock("stdin", datasets.NewLines("stdin", strings.NewReader("a\nb\r\n\nc\nd")), &out, 2,
		block); err != nil {
		t.Fatal(err)
	}
	if want := "1 of 2: a\n2 of 2: b\n3 of 2: \n4 of 2: c\n5 of 1: d\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	// What stands before a line that cannot be read is answered.
	out.Reset()
	err := eachBlock("stdin", datasets.NewLines("stdin", strings.NewReader("a\nb\n\xff\nc\n")), &out, 9, block)
	if err == nil || !strings.Contains(err.Error(), "3") {
		t.Errorf("%v: the third line is not UTF-8", err)
	}
	if want := "1 of 2: a\n2 of 2: b\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// Who writes a line and waits for the answer before the next gets it.
func TestEachBlockAnswersAtOnce(t *testing.T) {
	in, write := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- eachBlock("stdin", datasets.NewLines("stdin", in), out, 100, block)
		out.Close()
	}()
	answers := bufio.NewReader(read)
	for i := range 3 {
		fmt.Fprintf(write, "line\n")
		answer, err := answers.ReadString('\n')
		if want := fmt.Sprintf("%d of 1: line\n", i+1); err != nil || answer != want {
			t.Fatalf("%q, %v, want %q", answer, err, want)
		}
	}
	write.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A reader that fails is named, and what was read before is answered.
func TestEachBlockNamesTheReader(t *testing.T) {
	var out strings.Builder
	from := io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(io.ErrClosedPipe))
	err := eachBlock("stdin", datasets.NewLines("stdin", from), &out, 9, block)
	var failed *ReadError
	if !errors.As(err, &failed) || err.Error() != "stdin cannot be read: io: read/write on closed pipe" {
		t.Errorf("%v", err)
	}
	if want := "1 of 1: a\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
