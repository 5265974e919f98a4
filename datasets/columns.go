package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/internal/words"
)

// roles are what the two columns that are wanted of a row are.
type roles struct {
	names   [2]string // what messages call them
	known   [2][]string
	others  []string // what headers call columns of either, or others
	line    string   // what a line should be
	regular bool     // a line has no more cells than the first, whatever columns are wanted
}

var (
	tableRoles = &roles{
		names: [2]string{"text", "label"},
		known: [2][]string{
			{"text", "sentence", "review", "comment", "message", "msg", "sms", "tweet", "content", "body", "document",
				"description", "question", "query", "utterance", "phrase", "headline", "surname", "name", "word", "input", "post",
				"abstract"},
			{"label", "class", "category", "sentiment", "intent", "topic", "country", "nationality", "language", "lang",
				"origin", "rating", "score", "stars", "polarity", "emotion", "target", "genre", "tag", "y"},
		},
		others:  append(idNames, "title", "type", "date", "user", "author", "source", "split", "v"),
		line:    "a line is a text, a tab and its label",
		regular: true,
	}
	pairRoles = &roles{
		names: [2]string{"source", "target"},
		known: [2][]string{
			{"source", "src", "input", "original", "question", "from", "prompt", "context", "article", "document", "dialogue"},
			{"target", "tgt", "trg", "output", "translation", "answer", "to", "response", "reply", "completion", "summary",
				"highlights"},
		},
		others: append(append(idNames, "text", "sentence", "phrase", "word", "name"),
			"en", "de", "fr", "es", "it", "pt", "nl", "ru", "zh", "ja", "ko", "ar", "hi", "tr", "pl", "cs", "sv", "fi", "el",
			"he", "uk", "ro", "hu", "english", "german", "french", "spanish", "italian", "portuguese", "dutch", "russian",
			"chinese", "japanese", "korean", "arabic", "hindi", "turkish", "polish", "czech", "swedish", "finnish", "greek",
			"hebrew", "ukrainian", "romanian", "hungarian", "vietnamese", "latin"),
		line: "a line is a source, a tab and its target",
	}
	idNames = []string{"id", "ids", "idx", "index", "no", "nr", "number", "uid", "guid", "key"}
)

// isName says whether a cell is one of names, as a header writes it: Review_Text, sentence1 and labels are, too.
func isName(cell string, names []string) bool {
	parts := strings.FieldsFunc(strings.ToLower(cell), func(r rune) bool { return strings.ContainsRune("_-. /", r) })
	if len(parts) == 0 || len(parts) > 3 {
		return false
	}
	for _, part := range []string{parts[0], parts[len(parts)-1]} {
		part = strings.TrimRightFunc(part, unicode.IsDigit)
		if slices.Contains(names, part) || slices.Contains(names, strings.TrimSuffix(part, "s")) {
			return true
		}
	}
	return false
}

// columns are those of a file that are read.
type columns struct {
	at     [2]int // from 0
	width  int    // cells of the first row
	header []string
	chosen bool // the user or the header names them
	wanted bool // the user does
	notes  []string
}

// choose decides by the first row which columns are read.
func (f Format) choose(file string, first *row, r *roles) (*columns, error) {
	c := &columns{at: [2]int{0, 1}, width: len(first.cells), chosen: f.Columns != nil,
		wanted: f.Columns != nil}
	cells := make([]string, len(first.cells))
	for i, cell := range first.cells {
		cells[i] = string(trim(cell))
	}
	if f.Header == HeaderYes || f.named() || f.Header == "" && len(headerNames(cells, r)) > 1 {
		c.header = cells
	}
	if f.Columns == nil && c.header != nil {
		c.byNames(r)
	}
	for i, name := range f.Columns {
		at := slices.Index(c.header, name)
		if n, err := strconv.Atoi(name); at < 0 && err == nil {
			at = n - 1
		}
		if at < 0 {
			return nil, &Error{File: file, Line: first.line,
				What: fmt.Sprintf("there is no column %q, the first row has %s: correct --columns", name, quoted(cells))}
		}
		c.at[i] = at
	}
	if c.at[0] == c.at[1] {
		return nil, &Error{File: file, Line: first.line, What: fmt.Sprintf("--columns %s is column %d twice: name two",
			strings.Join(f.Columns, ","), c.at[0]+1)}
	}
	if twice := c.twice(f.Columns); twice != "" {
		return nil, &Error{File: file, Line: first.line,
			What: fmt.Sprintf("two columns are called %q: name those to read by their numbers, with --columns", twice)}
	}
	if c.header != nil && slices.Max(c.at[:]) < c.width {
		c.notes = append(c.notes, fmt.Sprintf("%s: line %d is a header, of which column %d, %q, is the %s, and column %d, "+
			"%q, the %s; --columns for others, --header no if it is none", file,
			first.line, c.at[0]+1, cells[c.at[0]], r.names[0], c.at[1]+1, cells[c.at[1]], r.names[1]))
	} else if c.width > 2 && f.Columns == nil {
		c.notes = append(c.notes, fmt.Sprintf("%s: of %d columns the first is the %s, and the second the %s; "+
			"--columns for others", file, c.width, r.names[0], r.names[1]))
	}
	return c, nil
}

// headerNames are those cells, in lower case, that are called as headers call columns.
func headerNames(cells []string, r *roles) map[string]bool {
	names := map[string]bool{}
	for _, cell := range cells {
		if isName(cell, slices.Concat(r.known[0], r.known[1], r.others)) {
			names[strings.ToLower(cell)] = true
		}
	}
	return names
}

// twice is the name of a column that is read by it, and that another one has, too; "" if there is none. named are the
// columns that were asked for.
func (c *columns) twice(named []string) string {
	for i, at := range c.at {
		if at >= len(c.header) || named != nil && named[i] != c.header[at] {
			continue
		}
		if name := c.header[at]; name != "" && slices.Contains(c.header[at+1:], name) {
			return name
		}
	}
	return ""
}

// byNames takes the columns that a header calls as the roles are called, if both are there once. It does not
// take the name of an id for one.
func (c *columns) byNames(r *roles) {
	var at [2]int
	for i := range r.known {
		var exact, like []int
		for j, cell := range c.header {
			switch {
			case strings.EqualFold(cell, r.names[i]):
				exact = append(exact, j)
			case isName(cell, r.known[i]) && !isName(cell, idNames) && !isName(cell, r.known[1-i]):
				like = append(like, j)
			}
		}
		if len(exact) == 0 {
			exact = like
		}
		if len(exact) != 1 {
			c.withoutIDs()
			return
		}
		at[i] = exact[0]
	}
	c.at, c.chosen = at, true
}

// withoutIDs takes the first two columns that a header does not call as those of ids.
func (c *columns) withoutIDs() {
	var others []int
	for i, cell := range c.header {
		if !isName(cell, idNames) && (cell != "" || i > 0) {
			others = append(others, i)
		}
	}
	if len(others) > 1 {
		c.at = [2]int{others[0], others[1]}
	}
}

func quoted(cells []string) string {
	const some = 12
	var b []string
	for i, c := range cells {
		if i == some {
			b = append(b, "...")
			break
		}
		b = append(b, strconv.Quote(words.Clip(c, 30)))
	}
	return strings.Join(b, ", ")
}

// profile is what the first rows of a file have in their columns.
type profile struct {
	rows    int
	columns []columnProfile
}

type columnProfile struct {
	different map[string]int
	length    int // of all cells together, in characters
	numbers   int
}

// Rows and columns of a profile.
const (
	profileRows    = 2000
	profileColumns = 16
	fewRows        = 20 // too few to judge by
)

func (p *profile) add(r *row) {
	if p.rows == profileRows {
		return
	}
	p.rows++
	for i, cell := range r.cells[:min(len(r.cells), profileColumns)] {
		if i == len(p.columns) {
			p.columns = append(p.columns, columnProfile{different: map[string]int{}})
		}
		c, s := &p.columns[i], string(trim(cell))
		c.different[s]++
		c.length += utf8.RuneCountInString(s)
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			c.numbers++
		}
	}
}

// numeric says whether a column has numbers alone; of many rows the first may have a name.
func (p *profile) numeric(column int) bool {
	others := p.rows - p.columns[column].numbers
	return others == 0 || others == 1 && p.rows >= fewRows
}

// numbers says whether there are several columns, and all have numbers, as those of a table of series or of images.
func (p *profile) numbers() bool {
	for i := range p.columns {
		if !p.numeric(i) {
			return false
		}
	}
	return len(p.columns) > 3
}

// few says whether a column has so few different cells that they can be labels.
func (p *profile) few(column int) bool { return 2*len(p.columns[column].different) <= p.rows }

// checkTable says what speaks against the columns that are read as texts and labels.
func (p *profile) checkTable(c *columns) string {
	if c.wanted || p.rows < fewRows || len(p.columns) < 2 {
		return ""
	}
	if c.chosen {
		if p.few(c.at[1]) {
			return ""
		}
		return fmt.Sprintf("column %d, %q, has %d different labels in the first %d rows, and a classifier learns classes: "+
			"name the columns of the text and of the label, with --columns %d,%d if they are as they should be", c.at[1]+1,
			c.header[c.at[1]], len(p.columns[c.at[1]].different), p.rows, c.at[0]+1, c.at[1]+1)
	}
	if p.numbers() {
		return "all of its columns are numbers: give --series, of series with a label each, or name the columns of the " +
			"text and of the label with --columns"
	}
	text, label := &p.columns[c.at[0]], &p.columns[c.at[1]]
	swapped := p.few(c.at[0]) && 2*len(text.different) <= len(label.different) && text.length < label.length
	ids := p.numeric(c.at[0]) && !p.few(c.at[0]) && len(p.columns) > 2
	same := p.same(c.at[0], c)
	if p.few(c.at[1]) && !swapped && !ids && !same {
		return ""
	}
	what := fmt.Sprintf("the first %d rows have %d different labels and %d different texts", p.rows, len(label.different),
		len(text.different))
	switch {
	case ids:
		what = "the texts are numbers"
	case same:
		what = fmt.Sprintf("column %d, of the texts, has %s in the first %d rows", c.at[0]+1,
			words.Count(len(text.different), "text", "different ones"), p.rows)
	}
	return what + ": name the columns of the text and of the label" + p.suggestTable(c)
}

// same says whether a column that is read has the same cell nearly everywhere, and another one has texts.
func (p *profile) same(column int, c *columns) bool {
	const often = 100
	if p.rows < fewRows || len(p.columns[column].different) > max(1, p.rows/often) {
		return false
	}
	for i := range p.columns {
		if i != c.at[0] && i != c.at[1] && !p.few(i) && !p.numeric(i) {
			return true
		}
	}
	return false
}

// suggestTable names columns that could be texts and labels.
func (p *profile) suggestTable(c *columns) string {
	label, text := -1, -1
	for i, x := range p.columns {
		if n := len(x.different); p.few(i) && n > 1 && (label < 0 || n < len(p.columns[label].different)) {
			label = i
		}
	}
	for i, x := range p.columns {
		if i != label && len(x.different) > 1 && (text < 0 || x.length > p.columns[text].length) {
			text = i
		}
	}
	as := fmt.Sprintf("--columns %d,%d if they are as they should be", c.at[0]+1, c.at[1]+1)
	if label < 0 || text < 0 || c.at == [2]int{text, label} {
		return ", " + as
	}
	return fmt.Sprintf(", it seems --columns %d,%d; %s", text+1, label+1, as)
}

// checkPairs says what speaks against the columns that are read as sources and targets: numbers of the sentences.
func (p *profile) checkPairs(c *columns) string {
	if c.chosen || p.rows < 2 || len(p.columns) < 3 {
		return ""
	}
	what := "numbers alone"
	switch {
	case p.numeric(c.at[0]) || p.numeric(c.at[1]):
	case p.same(c.at[0], c) || p.same(c.at[1], c):
		what = "the same cell nearly everywhere"
	default:
		return ""
	}
	var texts []string
	for i := range p.columns {
		if !p.numeric(i) && !(p.rows >= fewRows && p.few(i)) {
			texts = append(texts, strconv.Itoa(i+1))
		}
	}
	what = "a column that is read has " + what + ": name the columns of the source and of the target"
	if len(texts) > 1 {
		what += fmt.Sprintf(", it seems --columns %s", strings.Join(texts[:2], ","))
	}
	return what + fmt.Sprintf("; --columns %d,%d if they are as they should be", c.at[0]+1, c.at[1]+1)
}
