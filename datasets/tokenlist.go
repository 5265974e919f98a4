package datasets

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// TokenList is a vocabulary of another program: its tokens by number.
type TokenList struct {
	Vocab *Vocab

	// Theirs says for each token of Vocab which number it has in the list, or -1 for a reserved token that the list
	// lacks. Len is how many the list has.
	Theirs []int
	Len    int
}

// reservedNames are what programs call the tokens that a Vocab reserves.
var reservedNames = [][]string{
	Pad:     {"<pad>", "[PAD]", "<PAD>"},
	Unknown: {"<unk>", "[UNK]", "<UNK>", "<oov>"},
	Start:   {"<s>", "<sos>", "<bos>", "<start>", "<SOS>", "<BOS>", "[START]"},
	End:     {"</s>", "<eos>", "<end>", "<EOS>", "[END]"},
}

// ReadTokenList reads a vocabulary: a Vocab as it is kept, in JSON; a JSON array of tokens; a JSON object with the
// number of each; or a token a line. Of characters, \n, \t and \\ on a line are a line break, a tab and a backslash. If
// one of the tokens is a reserved one under a usual name, such as <unk>, the Vocab reserves all four.
func ReadTokenList(path string, kind Kind) (*TokenList, error) {
	data, err := safefile.Read(path, maxJSON)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (*TokenList, error) {
		return nil, &Error{File: path, What: fmt.Sprintf(format, args...)}
	}
	if kept := (vocabFile{}); json.Unmarshal(data, &kept) == nil && kept.Kind != "" && kept.Tokens != nil {
		v, err := parseVocab(path, data)
		if err != nil {
			return nil, err
		}
		l := &TokenList{Vocab: v, Len: v.Len()}
		for i := range v.Len() {
			l.Theirs = append(l.Theirs, i)
		}
		return l, nil
	}
	tokens, wrong := parseTokens(data, kind)
	if wrong != "" {
		return bad("%s", wrong)
	}
	l, wrong := orderTokens(tokens, kind)
	if wrong != "" {
		return bad("%s", wrong)
	}
	return l, nil
}

// parseTokens are tokens by number.
func parseTokens(data []byte, kind Kind) (tokens []string, wrong string) {
	numbers := map[string]int{}
	switch text := strings.TrimSpace(string(data)); {
	case strings.HasPrefix(text, "[") && json.Unmarshal(data, &tokens) == nil:
		return tokens, ""
	case strings.HasPrefix(text, "{") && json.Unmarshal(data, &numbers) == nil:
		return byNumber(numbers)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if kind == Char {
			if r, ok := map[string]string{`\n`: "\n", `\t`: "\t", `\r`: "\r", `\\`: `\`}[line]; ok {
				line = r
			}
		}
		tokens = append(tokens, line)
	}
	return tokens, ""
}

// byNumber are tokens by the numbers that they have.
func byNumber(numbers map[string]int) (tokens []string, wrong string) {
	tokens = make([]string, len(numbers))
	taken := make([]bool, len(numbers))
	for token, n := range numbers {
		switch {
		case n < 0 || n >= len(numbers):
			return nil, fmt.Sprintf("token %q has the number %d of %d tokens: numbers are 0 to %d", token, n, len(numbers),
				len(numbers)-1)
		case taken[n]:
			return nil, fmt.Sprintf("tokens %q and %q have the number %d", min(token, tokens[n]), max(token, tokens[n]), n)
		}
		tokens[n], taken[n] = token, true
	}
	return tokens, ""
}

// orderTokens puts tokens in the order of a Vocab.
func orderTokens(tokens []string, kind Kind) (l *TokenList, wrong string) {
	l = &TokenList{Len: len(tokens)}
	number := map[string]int{}
	for i, t := range tokens {
		if first, twice := number[t]; twice {
			return nil, fmt.Sprintf("tokens %d and %d are both %q", first, i, t)
		}
		number[t] = i
	}
	reserved := make([]int, len(reservedNames))
	special := 0
	for k, names := range reservedNames {
		reserved[k] = -1
		for _, name := range names {
			if i, ok := number[name]; ok && reserved[k] < 0 {
				reserved[k], special = i, len(reservedNames)
				delete(number, name)
			}
		}
	}
	var own []string
	for _, t := range tokens {
		if _, ok := number[t]; ok {
			own = append(own, t)
		}
	}
	switch kind {
	case Char:
		slices.Sort(own) // UTF-8 sorts as code points do
		runes, wrong := decodeRunes(own)
		if wrong != "" {
			return nil, wrong + ": the tokens of a model of characters are single ones, `tokens` word says otherwise"
		}
		l.Vocab = charVocab(special, runes)
	case Word:
		if i := slices.IndexFunc(own, func(t string) bool { return !validWord(t) }); i >= 0 {
			return nil, fmt.Sprintf("token %d is %q, want one word", number[own[i]], own[i])
		}
		l.Vocab = wordVocab(special, own)
	default:
		return nil, fmt.Sprintf("a list of tokens does not say how texts are cut into %s: give a vocab.json of unroll", kind)
	}
	if special > 0 {
		l.Theirs = reserved
	}
	for _, t := range own {
		l.Theirs = append(l.Theirs, number[t])
	}
	if len(own) == 0 {
		return nil, "no tokens"
	}
	return l, ""
}
