package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
)

// conlluColumns are the columns of CoNLL-U.
var conlluColumns = []string{"ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"}

// ConlluTags are the columns of CoNLL-U that have a tag for each word.
var ConlluTags = []string{"UPOS", "XPOS", "FEATS", "DEPREL"}

// conllu reads sentences of CoNLL-U (https://universaldependencies.org/format.html). Words are the lines with an
// integer for a number: ranges, such as 1-2 for two words that are written as one, have no tag, and empty nodes, such
// as 9.1, are no words of the text. Only tabs divide cells: a word may have blanks and quotation marks.
type conllu struct {
	tag           int // the column
	ranges, empty int // lines that are no words
}

func newConllu(f Format) (*conllu, error) {
	c := f.Columns
	if c == nil {
		c = []string{"FORM", ConlluTags[0]}
	}
	if len(c) != 2 || !strings.EqualFold(c[0], "FORM") || !slices.Contains(ConlluTags, strings.ToUpper(c[1])) {
		return nil, &setting.Error{Setting: "Columns", Value: strings.Join(c, ","),
			Want: "FORM and one of " + strings.Join(ConlluTags, ", ")}
	}
	return &conllu{tag: slices.Index(conlluColumns, strings.ToUpper(c[1]))}, nil
}

func (c *conllu) wanted() string {
	return "CoNLL-U has ten columns with tabs between, a word a line, and an empty line after each sentence"
}

func (c *conllu) columns() []string { return []string{"FORM", conlluColumns[c.tag]} }

func (c *conllu) alone(string) bool { return false }

func (c *conllu) notes(name string) (notes []string) {
	for _, x := range []struct {
		n         int
		one, more string
	}{{c.ranges, "range of words", "ranges of words"}, {c.empty, "empty node", "empty nodes"}} {
		switch {
		case x.n == 1:
			notes = append(notes, fmt.Sprintf("%s: 1 %s is no word", name, x.one))
		case x.n > 1:
			notes = append(notes, fmt.Sprintf("%s: %d %s are no words", name, x.n, x.more))
		}
	}
	return notes
}

// The kinds of lines that are no comments.
const (
	wordLine = iota
	rangeLine
	emptyLine
	otherLine
)

// conlluKind is the kind of a line by its number, and for a word the number.
func conlluKind(id string) (kind, n int) {
	for separator, kind := range map[string]int{"-": rangeLine, ".": emptyLine} {
		if from, to, both := strings.Cut(id, separator); both {
			a, isFrom := countingNumber(from)
			b, isTo := countingNumber(to)
			if !isFrom || !isTo || kind == rangeLine && b < a || kind == emptyLine && b < 1 {
				return otherLine, 0
			}
			return kind, 0
		}
	}
	if n, ok := countingNumber(id); ok {
		return wordLine, n
	}
	return otherLine, 0
}

// countingNumber is a number of digits alone.
func countingNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && !strings.ContainsAny(s, "+-")
}

func (c *conllu) parse(lines []heldLine, tagged bool) (*Sentence, *Error) {
	s := &Sentence{fill: c.fill}
	for i, line := range lines {
		if strings.HasPrefix(line.text, "#") {
			continue
		}
		cells := strings.Split(line.text, "\t")
		if what := c.wrong(cells, len(s.Words)); what != "" {
			return nil, &Error{Line: line.number, What: what}
		}
		switch kind, _ := conlluKind(cells[0]); kind {
		case rangeLine:
			c.ranges++
			continue
		case emptyLine:
			c.empty++
			continue
		}
		s.Words, s.rows = append(s.Words, strings.TrimFunc(cells[1], isBlank)), append(s.rows, i)
		if !tagged {
			continue
		}
		tag := strings.TrimFunc(cells[c.tag], isBlank)
		if what := checkTag(tag); what != "" {
			return nil, &Error{Line: line.number, What: conlluColumns[c.tag] + ": " + what}
		}
		s.Tags = append(s.Tags, tag)
	}
	return s, nil
}

// wrong says why a line cannot be used that follows so many words; "" if it can.
func (c *conllu) wrong(cells []string, before int) string {
	if len(cells) != len(conlluColumns) {
		next := "complete it"
		if len(cells) == 1 && len(strings.Fields(cells[0])) > 1 {
			next = "tabs are between them, not blanks; of other columns, such as those of CoNLL-2003, give --columns"
		}
		return fmt.Sprintf("%s, and a line of CoNLL-U has %d: %s", words.Count(len(cells), "column", "columns"),
			len(conlluColumns), next)
	}
	kind, n := conlluKind(cells[0])
	switch {
	case kind == otherLine:
		return fmt.Sprintf("the number of the word is %q: it must be one such as 3, 3-4 for a range or 3.1 for an empty node",
			cells[0])
	case kind == wordLine && n != before+1:
		what := "the words of a sentence are numbered from 1 on"
		if n == 1 {
			what = "an empty line is missing before it"
		}
		return fmt.Sprintf("word %d follows word %d: %s", n, before, what)
	case kind == wordLine && blankLine(cells[1]):
		return "the word, FORM, is empty: complete the line"
	}
	return ""
}

// fill writes a tag into its column.
func (c *conllu) fill(line, tag string) string {
	cells := strings.Split(line, "\t")
	cells[c.tag] = tag
	return strings.Join(cells, "\t")
}

// looksLikeConllu says so of a line that is no comment.
func looksLikeConllu(line string) bool {
	cells := strings.Split(line, "\t")
	kind, _ := conlluKind(cells[0])
	return len(cells) == len(conlluColumns) && kind != otherLine
}
