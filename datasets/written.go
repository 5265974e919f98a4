package datasets

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Units are the parts of a string that EncodeLine makes tokens of, one for each token. Only a vocabulary that
// reserves Unknown has a token for each part.
func (v *Vocab) Units(s string) []string {
	s = v.form.apply(s)
	var units []string
	switch v.kind {
	case Word:
		for word := range eachWord(s) {
			units = append(units, word)
		}
	case BPE:
		e := &encoder{Vocab: v}
		for text, starts := range pieces(s, v.spaces) {
			text = v.withKnownSpaces(text)
			for _, token := range e.join(text, starts).tokens {
				n := len(strings.TrimPrefix(v.tokens[token], string(wordStart)))
				if token == Unknown {
					_, n = utf8.DecodeRuneInString(text)
				}
				units, text = append(units, text[:n]), text[n:]
			}
		}
	default:
		for _, r := range s {
			units = append(units, string(r))
		}
	}
	return units
}

// Written is a string as decoding would write it if the vocabulary had all of its units: in the normal form of the
// vocabulary, with one space between words where it does not know the white space that there was. What a model writes
// can be compared with that.
func (v *Vocab) Written(s string) string {
	s = v.form.apply(s)
	switch {
	case v.kind == Char:
		return s
	case v.spaces:
		return v.writtenPieces(s)
	}
	separates := func(r rune) bool { return unicode.IsSpace(r) || v.kind == BPE && r == wordStart }
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.FieldsFunc(line, separates), " ")
	}
	return strings.Join(lines, "\n")
}

// writtenPieces is Written of byte pairs that keep white space.
func (v *Vocab) writtenPieces(s string) string {
	var b strings.Builder
	open := false // a word that begins now has a space before it
	for text, starts := range pieces(s, true) {
		if text = v.withKnownSpaces(text); text == "" {
			continue
		}
		if starts && open {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		last, _ := utf8.DecodeLastRuneInString(text)
		open = !unicode.IsSpace(last)
	}
	return b.String()
}

// DecodeWith is Decode with a text for each token that is Unknown: unknown is asked for that of tokens[i].
func (v *Vocab) DecodeWith(tokens []int32, unknown func(i int) string) string {
	var b strings.Builder
	d := v.Decoder()
	for i, t := range tokens {
		if v.special > 0 && t == Unknown {
			b.WriteString(d.next(t, unknown(i)))
		} else {
			b.WriteString(d.Next(t))
		}
	}
	return b.String()
}
