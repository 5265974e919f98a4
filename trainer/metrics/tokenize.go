package metrics

import (
	"regexp"
	"strings"
	"unicode"
)

// tokenizer is a way to cut a text into what BLEU counts.
type tokenizer struct {
	cut  func(string) []string
	unit string // what it cuts into
}

// Tokenizers are the names of the ways to cut a text for BLEU, which are sacreBLEU's: "13a" for languages that
// separate words by spaces, "intl" for those with other punctuation than ASCII has, "zh" for Chinese and Japanese,
// "char" for any script without spaces, and "none" for texts that are already cut.
var Tokenizers = []string{"13a", "intl", "zh", "char", "none"}

var tokenizers = map[string]tokenizer{
	"13a":  {tokenize13a, "words"},
	"intl": {func(s string) []string { return apply(rulesIntl, s) }, "words"},
	"zh":   {tokenizeZh, "words"},
	"char": {tokenizeChar, "characters"},
	"none": {fields, "words"},
}

// substitution is a step of a tokenizer.
type substitution struct {
	pattern *regexp.Regexp
	with    string
}

// rules13a are those of NIST's mteval-v13a for languages written with the Latin alphabet.
var rules13a = []substitution{
	{regexp.MustCompile("([{-~[-` -&(-+:-@/])"), " $1 "}, // punctuation but ' , - .
	{regexp.MustCompile(`([^0-9])([.,])`), "$1 $2 "},     // . and , unless after a digit
	{regexp.MustCompile(`([.,])([^0-9])`), " $1 $2"},     // . and , unless before a digit
	{regexp.MustCompile(`([0-9])(-)`), "$1 $2 "},         // - after a digit
}

// entities are undone by mteval-v13a, one after the other, and so are segments that were skipped or hyphenated at the
// end of a line.
var entities = []*strings.Replacer{
	strings.NewReplacer("<skipped>", ""),
	strings.NewReplacer("-\n", ""),
	strings.NewReplacer("\n", " "),
	strings.NewReplacer("&quot;", `"`),
	strings.NewReplacer("&amp;", "&"),
	strings.NewReplacer("&lt;", "<"),
	strings.NewReplacer("&gt;", ">"),
}

func tokenize13a(s string) []string {
	for _, r := range entities {
		s = r.Replace(s)
	}
	return apply(rules13a, " "+s+" ")
}

// rulesIntl are those of NIST's mteval-v14 with international tokenisation.
var rulesIntl = []substitution{
	{regexp.MustCompile(`(\PN)(\pP)`), "$1 $2 "}, // punctuation unless after a number
	{regexp.MustCompile(`(\pP)(\PN)`), " $1 $2"}, // punctuation unless before a number
	{regexp.MustCompile(`(\pS)`), " $1 "},        // symbols
}

func apply(rules []substitution, s string) []string {
	for _, r := range rules {
		s = r.pattern.ReplaceAllString(s, r.with)
	}
	return fields(s)
}

// tokenizeZh makes each character of Chinese a word and cuts the rest as 13a does. There are no entities, and no
// space around the line, which matters to a full stop or comma at its ends.
func tokenizeZh(s string) []string {
	var b strings.Builder
	for _, r := range strings.TrimFunc(s, isSpace) {
		if unicode.Is(chinese, r) {
			b.WriteString(" " + string(r) + " ")
		} else {
			b.WriteRune(r)
		}
	}
	return apply(rules13a, b.String())
}

// chinese are the characters that sacreBLEU's zh cuts out: Chinese, kana of half width, bopomofo, punctuation and
// full-width forms, but not kana and Hangul. sacreBLEU means two of its ranges for those beyond U+FFFF, and they act
// as U+2001 to U+2A6D: dashes, quotation marks, symbols of currencies and mathematics, arrows. Its numbers are meant
// to be had here, so they are so here.
var chinese = &unicode.RangeTable{R16: []unicode.Range16{
	{0x2001, 0x2a6d, 1}, {0x2e80, 0x2fdf, 1}, {0x2ff0, 0x303f, 1}, {0x3100, 0x312f, 1}, {0x31a0, 0x31bf, 1}, {0x31c0, 0x31ef, 1},
	{0x3200, 0x33ff, 1}, {0x3400, 0x4db5, 1}, {0x4e00, 0x9fbb, 1}, {0xf900, 0xfa2d, 1}, {0xfa30, 0xfa6a, 1}, {0xfa70, 0xfad9, 1},
	{0xfe10, 0xfe1f, 1}, {0xfe30, 0xfe4f, 1}, {0xff00, 0xffef, 1},
}}

func tokenizeChar(s string) []string { return strings.Split(strings.Join(fields(s), ""), "") }
