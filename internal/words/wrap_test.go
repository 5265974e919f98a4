package words

import "testing"

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"a line\nand another\n", 0, "a line\nand another\n"},
		{"a line\nand another\n", 11, "a line\nand another\n"},
		{"a line\nund nöch one\n", 11, "a line\nund nöch\n  one\n"},
		{"loss 1.5  accuracy 3%  best so far", 20, "loss 1.5\n  accuracy 3%\n  best so far"},
		{"  in\n  so far out", 8, "  in\n  so far\n    out"},
		{"unbreakable is", 3, "unbreakable\n  is"},

		// a label, and a text in its column
		{"GPU    none is here, and none is there", 24, "GPU    none is here, and\n       none is there"},
		// a part that is too long for any line is broken between its words
		{"one  1 MB  a long text, and its licence", 20, "one  1 MB\n  a long text, and\n  its licence"},
		// blanks between columns stay as many as they are
		{"a    b       c    d", 16, "a    b       c\n  d"},
		{"a first part that is long  b", 16, "a first part\n  that is long\n  b"},
	} {
		if got := Wrap(c.text, c.width); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
