package datasets

import (
	"fmt"
	"slices"

	"golang.org/x/text/unicode/norm"
)

// Form is a normal form of Unicode (UAX #15) that texts are brought to; "": they stay as they are.
type Form string

// The forms.
const (
	NFC  Form = "nfc"  // what is composed of characters is one character where there is one
	NFKC Form = "nfkc" // and what differs in looks alone, such as ligatures and wide letters, is alike
)

// Forms are all forms.
var Forms = []Form{NFC, NFKC}

// Check says whether there is such a form.
func (f Form) Check() error {
	if f == "" || slices.Contains(Forms, f) {
		return nil
	}
	return fmt.Errorf("there is no normal form %q; there are %q", string(f), Forms)
}

func (f Form) apply(s string) string {
	switch f {
	case NFC:
		return norm.NFC.String(s)
	case NFKC:
		return norm.NFKC.String(s)
	}
	return s
}

// Coverage counts how much of texts a vocabulary knows.
type Coverage struct {
	Tokens  int // of all texts
	Unknown int // of them

	composed, decomposed int // how many would be unknown if the texts with unknown ones were in NFC, in NFD
}

// Encode is v.EncodeLine, and counts.
func (c *Coverage) Encode(v *Vocab, s string) []int32 {
	tokens, unknown := v.EncodeLine(s)
	c.Tokens += len(tokens)
	if v.special == 0 {
		c.Tokens += unknown // those are left out
	}
	if unknown == 0 {
		return tokens
	}
	c.Unknown += unknown
	_, composed := v.EncodeLine(norm.NFC.String(s))
	_, decomposed := v.EncodeLine(norm.NFD.String(s))
	c.composed, c.decomposed = c.composed+composed, c.decomposed+decomposed
	return tokens
}

// Hint says what to do if unknown tokens come of another normal form than that of the training data; otherwise
// it is "".
func (c *Coverage) Hint() string {
	form, others := "NFC", c.composed
	if c.decomposed < others {
		form, others = "NFD", c.decomposed
	}
	if others >= c.Unknown {
		return ""
	}
	return fmt.Sprintf("in the normal form %s there would be %d: the training data are in that form, so convert the "+
		"texts, or train with --normalize nfc", form, others)
}
