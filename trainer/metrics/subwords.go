package metrics

import "strings"

// Subwords is how texts mark the parts that a program has cut words into. Words must be whole before they are
// compared, or the number is that of the cutting.
type Subwords string

// The marks.
const (
	WholeWords Subwords = "" // none
	// what does not end its word ends with @@, as subword-nmt and fastBPE have it: "vo@@ yo@@ ns"
	PartGoesOn Subwords = "@@"
	WordBegins Subwords = "▁" // a part that begins a word begins with U+2581, as SentencePiece has it: "▁vo yo ns"
)

// DetectSubwords finds out how texts mark parts of words. A mark is one if a hundredth of the texts has @@ at the end
// of a word that others follow, or a half has a word that begins with ▁.
func DetectSubwords(texts []string) Subwords {
	goesOn, begins := 0, 0
	for _, s := range texts {
		if strings.Contains(s, string(PartGoesOn)+" ") {
			goesOn++
		}
		if strings.HasPrefix(s, string(WordBegins)) || strings.Contains(s, " "+string(WordBegins)) {
			begins++
		}
	}
	switch {
	case begins > 0 && 2*begins >= len(texts):
		return WordBegins
	case goesOn > 0 && 100*goesOn >= len(texts):
		return PartGoesOn
	}
	return WholeWords
}

// Join makes the words of a text whole.
func (m Subwords) Join(s string) string {
	switch m {
	case PartGoesOn:
		return strings.TrimSuffix(strings.ReplaceAll(s, string(PartGoesOn)+" ", ""), string(PartGoesOn))
	case WordBegins:
		return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), string(WordBegins), " "))
	}
	return s
}

// JoinAll makes the words of texts whole.
func (m Subwords) JoinAll(texts []string) []string {
	if m == WholeWords {
		return texts
	}
	joined := make([]string, len(texts))
	for i, s := range texts {
		joined[i] = m.Join(s)
	}
	return joined
}

// LooksTokenized says whether most texts end in a full stop with a space before it, as no person writes it: their
// words were cut for a program. A score of such texts is not comparable with those of others.
func LooksTokenized(texts []string) bool {
	cut := 0
	for _, s := range texts {
		if strings.HasSuffix(strings.TrimRightFunc(s, isSpace), " .") {
			cut++
		}
	}
	return 2*cut > len(texts)
}
