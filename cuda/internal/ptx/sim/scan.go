package sim

import "strings"

// token is a word, a number, or a sign.
type token struct {
	text string
	line int // from 1
}

// scan splits a text into tokens. Words hold letters, digits, and . _ $ %, as in ld.global.f32, %rd12 and 0f3F800000.
func scan(text string) ([]token, *SyntaxError) {
	var ts []token
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(text[i:], "//"):
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case wordByte(c):
			j := i
			for j < len(text) && wordByte(text[j]) {
				j++
			}
			ts = append(ts, token{text[i:j], line})
			i = j
		case strings.IndexByte(",;:{}[]()<>@!+-", c) >= 0:
			ts = append(ts, token{text[i : i+1], line})
			i++
		default:
			return nil, &SyntaxError{Line: line, Why: "a character that PTX does not have here"}
		}
	}
	return ts, nil
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' ||
		c == '$' || c == '%'
}
