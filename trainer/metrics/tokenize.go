package metrics

import (
	"regexp"
	"strings"
)

// substitution is a step of a tokenizer.
type substitution struct {
	pattern *regexp.Regexp
	with    string
}

// tokenizers are the ways to cut a text into words for BLEU, by the names that sacreBLEU gives them.
var tokenizers = map[string]func(string) []string{
	"none": strings.Fields,
	"13a":  tokenize13a,
	"intl": tokenizeIntl,
}

// rules13a are those of NIST's mteval-v13a for languages written with the Latin alphabet.
var rules13a = []substitution{
	{regexp.MustCompile("([{-~[-` -&(-+:-@/])"), " $1 "}, // punctuation but ' , - .
	{regexp.MustCompile(`([^0-9])([.,])`), "$1 $2 "},     // . and , unless after a digit
	{regexp.MustCompile(`([.,])([^0-9])`), " $1 $2"},     // . and , unless before a digit
	{regexp.MustCompile(`([0-9])(-)`), "$1 $2 "},         // - after a digit
}

// entities are undone by mteval-v13a, and segments that were skipped or hyphenated at the end of a line.
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

func tokenizeIntl(s string) []string { return apply(rulesIntl, s) }

func apply(rules []substitution, s string) []string {
	for _, r := range rules {
		s = r.pattern.ReplaceAllString(s, r.with)
	}
	return strings.Fields(s)
}
