package report

import (
	"bytes"
	"testing"
)

func TestDownloadsOnAFile(t *testing.T) {
	var b bytes.Buffer
	p := Downloads(&b)
	p("https://example.org/a", 1, 3)
	p("https://example.org/a", 3, 3)
	p("https://example.org/b", 1, -1)
	if want := "downloading https://example.org/a\ndownloading https://example.org/b\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
