package decode

import "slices"

// repeating are the tokens that would make the last n tokens a run that stands in the text already: of n = 3, "a b c
// ... a b" is not followed by c. The end token is none of them. n = 0 bars nothing.
func repeating(text []int32, n int, end int32) (tokens []int32) {
	if n < 1 || len(text) < n {
		return nil
	}
	last := text[len(text)-(n-1):]
	for at := range len(text) - n + 1 {
		if next := text[at+n-1]; next != end && slices.Equal(text[at:at+n-1], last) {
			tokens = append(tokens, next)
		}
	}
	return tokens
}
