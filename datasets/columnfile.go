package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
)

// docStart is the word that begins a document in the data of CoNLL-2003.
const docStart = "-DOCSTART-"

// columnFile reads sentences as CoNLL-2003 has them: a line has a word, its tag, and what else there is. Cells have
// tabs between if the first sentence has tabs, and otherwise runs of blanks. Lines that begin with -DOCSTART- end a
// sentence and are none. Lines before the first word of a sentence that begin with # and have another number of cells
// than the words are comments; the first other line may have the names of the columns.
type columnFile struct {
	word, tag int  // columns from 0; -1: the first, the last
	begun     bool // a sentence was read, so that the following are known:
	tabs      bool
	width     int // cells of a line, if all must have as many; else 0

	most int // cells of a line of those without tags

	documents, comments int
	first, header       int // the first line that is no comment; it, if it has the names of the columns
}

func newColumnFile(f Format) (*columnFile, error) {
	c := &columnFile{tag: -1}
	if f.Columns == nil {
		return c, nil
	}
	wrong := &setting.Error{
		Setting: "Columns", Value: strings.Join(f.Columns, ","),
		Want: fmt.Sprintf("two different numbers from 1 to %d, that of the words and that of the tags", maxColumns),
	}
	if len(f.Columns) != 2 {
		return nil, wrong
	}
	for i, to := range []*int{&c.word, &c.tag} {
		n, ok := columnNumber(f.Columns[i])
		if !ok {
			return nil, wrong
		}
		*to = n
	}
	if c.word == c.tag {
		return nil, wrong
	}
	return c, nil
}

func (c *columnFile) wanted() string {
	return "a word, blanks or a tab, and its tag a line are wanted, and an empty line after each sentence"
}

func (c *columnFile) columns() []string {
	return []string{strconv.Itoa(c.word + 1), strconv.Itoa(c.tag + 1)}
}

func (c *columnFile) notes(name string) (notes []string) {
	if c.documents > 0 {
		notes = append(notes, fmt.Sprintf("%s: %s %s, which is no word", name,
			words.Count(c.documents, "time", "times"), docStart))
	}
	if c.header > 0 {
		notes = append(notes, fmt.Sprintf("%s: line %d has the names of the columns, and is no word", name, c.header))
	}
	if c.comments > 0 {
		notes = append(notes, fmt.Sprintf("%s: lines that begin with # and are comments: %d", name, c.comments))
	}
	if c.tag >= 0 && c.most > c.tag+1 {
		notes = append(notes, fmt.Sprintf("%s: lines have up to %d columns, of which column %d is the word: a sentence "+
			"has a word a line",
			name, c.most, c.word+1))
	}
	return notes
}

func (c *columnFile) alone(line string) bool {
	rest, is := strings.CutPrefix(line, docStart)
	return is && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// cells are the cells of a line.
func (c *columnFile) cells(line string) []string {
	if !c.tabs {
		return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\ufeff' })
	}
	cells := strings.Split(strings.TrimRightFunc(line, isBlank), "\t")
	for i, cell := range cells {
		cells[i] = strings.TrimFunc(cell, isBlank)
	}
	return cells
}

// begin finds out from the first sentence how the file is written.
func (c *columnFile) begin(lines []heldLine, tagged bool) *Error {
	c.begun = true
	c.tabs = slices.ContainsFunc(lines, func(l heldLine) bool {
		return strings.Contains(strings.TrimFunc(l.text, isBlank), "\t")
	})
	first := noComment(lines)
	c.first = first.number
	width := len(c.cells(first.text))
	switch {
	case !tagged:
		return nil
	case c.tag < 0 && looksLikeConllu(first.text):
		return &Error{Line: first.number, What: "this looks like CoNLL-U: give --conllu"}
	case c.tag < 0 && width < 2:
		return &Error{Line: first.number, What: "1 column: " + c.wanted()}
	case c.tag < 0:
		c.tag, c.width = width-1, width
	}
	return nil
}

// noComment is a line of a sentence that is no comment.
func noComment(lines []heldLine) heldLine {
	i := slices.IndexFunc(lines, func(l heldLine) bool { return !strings.HasPrefix(l.text, "#") })
	if i < 0 {
		i = len(lines) - 1
	}
	return lines[i]
}

func (c *columnFile) parse(lines []heldLine, tagged bool) (*Sentence, *Error) {
	s := &Sentence{fill: c.fill}
	if c.alone(lines[0].text) {
		c.documents++
		return s, nil
	}
	if !c.begun {
		if bad := c.begin(lines, tagged); bad != nil {
			return nil, bad
		}
	}
	usual := len(c.cells(noComment(lines).text))
	for i, line := range lines {
		cells := c.cells(line.text)
		if len(s.Words) == 0 && strings.HasPrefix(line.text, "#") && len(cells) != usual {
			c.comments++
			continue
		}
		if tagged && line.number == c.first && c.isHeader(cells) {
			c.header = line.number
			continue
		}
		if !tagged {
			c.most = max(c.most, len(cells))
		}
		if what := c.wrong(cells, tagged); what != "" {
			return nil, &Error{Line: line.number, What: what}
		}
		s.Words, s.rows = append(s.Words, cells[c.word]), append(s.rows, i)
		if tagged {
			s.Tags = append(s.Tags, cells[c.tag])
		}
	}
	return s, nil
}

// Names of columns with words and with tags.
var (
	wordNames = []string{"word", "token", "form", "text"}
	tagNames  = []string{"tag", "ner", "pos", "upos", "xpos", "label", "bio", "iob", "entity"}
)

// isHeader says whether cells are the names of columns.
func (c *columnFile) isHeader(cells []string) bool {
	return len(cells) > max(c.word, c.tag) && isName(cells[c.word], wordNames) && isName(cells[c.tag], tagNames)
}

// wrong says why a line cannot be used; "" if it can.
func (c *columnFile) wrong(cells []string, tagged bool) string {
	n, needs := len(cells), c.word+1
	if tagged {
		needs = max(needs, c.tag+1)
	}
	switch {
	case n < needs:
		next := "complete the line, or choose another column"
		if n == 1 && strings.Contains(cells[0], ",") {
			next = "blanks or tabs divide cells, and not commas: convert the file"
		}
		return fmt.Sprintf("%s, and column %d is wanted: %s", words.Count(n, "column", "columns"), needs, next)
	case c.width > 0 && n != c.width && tagged:
		return fmt.Sprintf("%s, and other lines have %d: correct the line, or say which columns are wanted",
			words.Count(n, "column", "columns"), c.width)
	case cells[c.word] == "":
		return fmt.Sprintf("the word in column %d is empty: complete the line", c.word+1)
	case tagged && c.tabs && fields(cells[c.word]) > 1 && fields(cells[c.word]) == fields(cells[c.tag]):
		return fmt.Sprintf("%d words and as many tags: write each word and its tag in a line, and an empty line after the "+
			"sentence", fields(cells[c.word]))
	case tagged:
		return checkTag(cells[c.tag])
	}
	return ""
}

func fields(s string) int { return len(strings.FieldsFunc(s, isBlank)) }

// fill puts a tag behind a line, as scoring programs want it.
func (c *columnFile) fill(line, tag string) string {
	separator := " "
	if c.tabs {
		separator = "\t"
	}
	return strings.TrimRight(line, " \t") + separator + tag
}
