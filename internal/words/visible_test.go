package words

import "testing"

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"plain, ünd ☃\n\tmore":     "plain, ünd ☃\n\tmore",
		"\x1b[31mred\x1b]0;t\x07":  `\u001b[31mred\u001b]0;t\u0007`,
		"\u009b31m":                `\u009b31m`,
		"a\u202eb\u2066c":          `a\u202eb\u2066c`,
		"back\bspace\rand\x00\x7f": `back\u0008space\u000dand\u0000\u007f`,
	} {
		if got := Visible(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
