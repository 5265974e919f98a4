package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Tagged holds sentences whose words have a tag each.
type Tagged struct {
	Name      string // the file
	SHA256    string // of the file's bytes, uncompressed
	Sentences []Sentence
	Skipped   Skipped  // sentences that were left out
	Notes     []string // what was taken for what, and what is no word, in words
	Format    Format   // as which it was read: Columns are those of the words and of the tags
}

// Sentence is what stands between two empty lines: words, each with a tag.
type Sentence struct {
	Words []string
	Tags  []string // nil if they were not asked for
	Line  int      // of its first word, from 1

	lines []string                 // all of it as it was read, what is no word included
	rows  []int                    // the line of each word
	fill  func(l, t string) string // gives a line a tag
}

// Fill is the text of a sentence that was read by Sentences, with these tags: in the column of tags of CoNLL-U, and
// otherwise behind each word's line. An empty line ends it. There must be a tag for each word.
func (s *Sentence) Fill(tags []string) (string, error) {
	if len(tags) != len(s.Words) || s.fill == nil && len(tags) > 0 {
		return "", errors.Errorf("%d tags for %d words of a sentence in %d lines", len(tags), len(s.Words), len(s.lines))
	}
	var b strings.Builder
	word := 0
	for i, line := range s.lines {
		if word < len(s.rows) && s.rows[word] == i {
			line = s.fill(line, tags[word])
			word++
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// Text is the sentence's words with single spaces between: equal sentences have equal texts.
func (s *Sentence) Text() string { return strings.Join(s.Words, " ") }

// The forms in which sentences with tags are written.
const (
	Conllu  = "conllu"  // CoNLL-U: ten columns with tabs between; the tags are those of a column with a name
	Columns = "columns" // as CoNLL-2003 has them: a word, its tag and what else there is, with blanks or tabs between
	Plain   = "plain"   // a word a line, without tags; what begins as CoNLL-U is read as that
)

// NewTagged are sentences of a program's own, in memory. They must have a tag for each word, and neither may be empty.
func NewTagged(name string, sentences []Sentence) (*Tagged, error) {
	t := &Tagged{Name: name, Sentences: sentences, Format: Format{Columns: []string{"1", "2"}}}
	if len(sentences) == 0 {
		return nil, &Error{File: name, What: "no sentences"}
	}
	sum := sha256.New()
	for i, s := range sentences {
		if len(s.Words) == 0 || len(s.Words) != len(s.Tags) {
			return nil, &Error{File: name,
				What: fmt.Sprintf("sentence %d has %d words and %d tags: there must be one of each at least, and as many",
					i+1, len(s.Words), len(s.Tags))}
		}
		for at, word := range s.Words {
			if wrong := checkTag(s.Tags[at]); wrong != "" || blankLine(word) {
				return nil, &Error{File: name,
					What: fmt.Sprintf("word %d of sentence %d, %q with the tag %q, is not one", at+1, i+1, word, s.Tags[at])}
			}
			fmt.Fprintf(sum, "%s\t%s\n", word, s.Tags[at])
		}
		fmt.Fprintln(sum)
	}
	t.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return t, nil
}

// ReadTagged reads sentences in one of the forms Conllu and Columns, plain or compressed by gzip. Format.Columns are
// the columns of the words and of the tags: of Conllu by name, without them FORM and UPOS; of Columns by number,
// without them the first and the last.
func ReadTagged(path, form string, f Format) (*Tagged, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := NewSentences(path, form, f, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r.tagged = true
	t := &Tagged{Name: path, SHA256: sha256Hex(data)}
	all := lenient{skip: f.SkipBad}
	known := map[string]string{} // each word and tag once, however often it occurs
	words := 0
	var h held
	h.file(path)
	for {
		s, err := r.Read()
		if err == io.EOF {
			break
		}
		var e *Error
		if errors.As(err, &e) {
			if err := all.bad(e); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(s.Words) == 0 {
			continue
		}
		const ofSentence = 2 // what a sentence takes besides its words, in words
		if err := h.add(len(s.Words)+ofSentence, 0, path, s.Line); err != nil {
			return nil, err
		}
		words += len(s.Words)
		intern(known, s.Words)
		intern(known, s.Tags)
		t.Sentences = append(t.Sentences, Sentence{Words: s.Words, Tags: s.Tags, Line: s.Line})
	}
	t.Skipped, t.Notes, t.Format = all.skipped, r.Notes(), r.resolved(f)
	if len(t.Sentences) == 0 {
		what := "no sentences: " + r.parser.wanted()
		if all.skipped.Count > 0 {
			what = fmt.Sprintf("all %d sentences had to be left out, the first because: %v", all.skipped.Count,
				all.skipped.First)
		}
		return nil, &Error{File: path, What: what}
	}
	if what := t.doubtful(words, form == Columns && f.Columns == nil); what != "" {
		return nil, &Error{File: path, What: what}
	}
	t.noteUnsaid(words)
	t.Notes = append(t.Notes, doubtfulLabels(path, "words", t.counts())...)
	return t, nil
}

// longSentence is how many words no sentence has.
const longSentence = 200

// doubtful says what speaks against what was taken for sentences, words and tags; guessed says that nobody
// named the columns.
func (t *Tagged) doubtful(words int, guessed bool) string {
	if len(t.Sentences) == 1 && words >= longSentence {
		return fmt.Sprintf("all of its %d lines are one sentence: there must be an empty line after each sentence", words)
	}
	if n := t.unsaidWords(); 2*n > words && n > 1 {
		return fmt.Sprintf("%d of %d words are _: the treebank comes without its text, which must be put in first", n, words)
	}
	if !guessed || words < fewRows {
		return ""
	}
	if t.numbered() {
		return fmt.Sprintf("column %s, of the words, numbers them: name the columns, it seems --word-column 2 --column %s",
			t.Format.Columns[0], t.Format.Columns[1])
	}
	different := [2]map[string]bool{{}, {}}
	for _, s := range t.Sentences {
		for i, word := range s.Words {
			different[0][word], different[1][s.Tags[i]] = true, true
		}
	}
	if n, tags := len(different[0]), len(different[1]); 2*n <= tags {
		return fmt.Sprintf("column %s, of the words, has %d different ones, and column %s, of the tags, has %d: name the "+
			"columns, it seems --word-column %s and --column %s", t.Format.Columns[0], n, t.Format.Columns[1], tags,
			t.Format.Columns[1], t.Format.Columns[0])
	}
	return ""
}

// unsaidWords are how many words are left out.
func (t *Tagged) unsaidWords() (n int) {
	for _, s := range t.Sentences {
		for _, word := range s.Words {
			if word == unsaid {
				n++
			}
		}
	}
	return n
}

// numbered says whether the words of all sentences are 1, 2, ... or 0, 1, ...
func (t *Tagged) numbered() bool {
	for _, s := range t.Sentences {
		for i, word := range s.Words {
			if n, ok := countingNumber(word); !ok || n != i+1 && n != i {
				return false
			}
		}
	}
	return true
}

// intern makes equal strings one.
func intern(known map[string]string, list []string) {
	for i, s := range list {
		one, ok := known[s]
		if !ok {
			one = strings.Clone(s) // not to keep all of a line
			known[one] = one
		}
		list[i] = one
	}
}

// unsaid is what CoNLL-U has where there is nothing.
const unsaid = "_"

// counts are how often each tag occurs.
func (t *Tagged) counts() map[string]int {
	counts := map[string]int{}
	for _, s := range t.Sentences {
		for _, tag := range s.Tags {
			counts[tag]++
		}
	}
	return counts
}

// noteUnsaid says that some words have no tag.
func (t *Tagged) noteUnsaid(words int) {
	n := t.counts()[unsaid]
	if n > 0 && n < words && t.Format.Columns[1] != "FEATS" {
		t.Notes = append(t.Notes, fmt.Sprintf("%s: %d of %d words have the tag _, which is learned as one like others",
			t.Name, n, words))
	}
}

// Labels are the tags of all sentences. Fewer than two different ones are an *Error.
func (t *Tagged) Labels() (*Labels, error) {
	var names []string
	for _, s := range t.Sentences {
		names = append(names, s.Tags...)
	}
	l := NewLabels(names)
	if l.Len() > 1 {
		return l, nil
	}
	what := fmt.Sprintf("every tag in column %s is %q, so there is nothing to learn: choose another column",
		t.Format.Columns[1], l.Name(0))
	return nil, &Error{File: t.Name, What: what}
}

// Sentences reads sentences one after the other, as somebody writes them.
type Sentences struct {
	name   string
	lines  *lineReader
	parser sentenceParser
	tagged bool // every word must have a tag
	plain  bool // it may turn out to be CoNLL-U
	format Format
	begun  bool
	held   *heldLine // read, and not used yet
	ended  error
}

type heldLine struct {
	text   string
	number int
}

// sentenceParser knows one form of sentences.
type sentenceParser interface {
	// wanted says what sentences look like.
	wanted() string

	// alone says whether a line is no part of a sentence, and ends one.
	alone(line string) bool

	// parse makes a sentence of lines, of which the first has a number; what is wrong with them is in a line of the
	// block.
	parse(lines []heldLine, tagged bool) (*Sentence, *Error)

	// columns are the columns of words and tags, once a sentence was read, and notes what there was beside words.
	columns() []string
	notes(name string) []string
}

// NewSentences reads sentences in a form from r, without looking at tags that there may be; errors call it by name.
// Format.Columns are as for ReadTagged, also those of CoNLL-U that is read as Plain.
func NewSentences(name, form string, f Format, r io.Reader) (*Sentences, error) {
	if r == nil {
		return nil, errors.New("there is nothing to read from: it is nil")
	}
	s := &Sentences{name: name, lines: newLineReader(name, r), format: f}
	var err error
	switch form {
	case Conllu:
		s.parser, err = newConllu(f)
	case Columns:
		s.parser, err = newColumnFile(f)
	case Plain:
		s.parser, s.plain = &wordLines{}, true
	default:
		err = errors.Errorf("there is no form %q of sentences; there are %q, %q and %q", form, Conllu, Columns, Plain)
	}
	return s, err
}

// maxSentence is the most lines of a sentence: in a file with more, empty lines are missing.
const maxSentence = 100_000

// Read gives the next sentence, which has no words if its lines are comments alone, or io.EOF. What is wrong with a
// sentence is an *Error, after which the next can be read.
func (s *Sentences) Read() (*Sentence, error) {
	lines, err := s.block()
	if err != nil {
		return nil, err
	}
	if !s.begun {
		s.begun = true
		if what := markup([]byte(lines[0].text)); what != "" {
			s.ended = &Error{File: s.name, Line: lines[0].number, What: what + ": convert it, " + s.parser.wanted()}
			return nil, s.ended
		}
		if s.plain && slices.ContainsFunc(lines, func(l heldLine) bool { return looksLikeConllu(l.text) }) {
			if s.parser, err = newConllu(s.format); err != nil {
				return nil, err
			}
		}
	}
	x, bad := s.parser.parse(lines, s.tagged)
	if bad != nil {
		bad.File = s.name
		return nil, bad
	}
	for _, l := range lines {
		x.lines = append(x.lines, l.text)
	}
	if len(x.rows) > 0 {
		x.Line = lines[x.rows[0]].number
	}
	return x, nil
}

// block is the lines up to the next empty one, at least one.
func (s *Sentences) block() (lines []heldLine, err error) {
	var bad *Error
	for {
		line, err := s.line()
		var e *Error
		switch {
		case err == io.EOF && len(lines) == 0 && bad == nil:
			return nil, io.EOF
		case err == io.EOF, err == nil && blankLine(line.text):
			if bad != nil {
				return nil, bad
			}
			if len(lines) > 0 {
				return lines, nil
			}
			continue
		case errors.As(err, &e):
			if bad == nil {
				bad = e
			}
			continue
		case err != nil:
			return nil, err
		}
		if s.parser.alone(line.text) {
			if len(lines) > 0 || bad != nil {
				s.held = &line
				if bad != nil {
					return nil, bad
				}
				return lines, nil
			}
			return []heldLine{line}, nil
		}
		if lines = append(lines, line); len(lines) > maxSentence {
			what := fmt.Sprintf("a sentence of more than %d lines: an empty line must end each", maxSentence)
			s.ended = &Error{File: s.name, Line: lines[0].number, What: what}
			return nil, s.ended
		}
	}
}

// line is the next line, which may have been held back.
func (s *Sentences) line() (heldLine, error) {
	if s.ended != nil {
		return heldLine{}, io.EOF
	}
	if h := s.held; h != nil {
		s.held = nil
		return *h, nil
	}
	line, err := s.lines.read()
	return heldLine{string(bytes.TrimPrefix(line, []byte(byteOrderMark))), s.lines.number}, err
}

func blankLine(line string) bool { return strings.TrimFunc(line, isBlank) == "" }

// Ready says whether a whole line can be read without waiting for whoever writes it.
func (s *Sentences) Ready() bool {
	ready, _ := s.lines.r.Peek(s.lines.r.Buffered())
	return bytes.IndexByte(ready, '\n') >= 0
}

// Notes say what there was beside words.
func (s *Sentences) Notes() []string { return s.parser.notes(s.name) }

// resolved is f with the columns that were read.
func (s *Sentences) resolved(f Format) Format {
	f.Columns = s.parser.columns()
	return f
}

// checkTag says what is wrong with a tag; "" if nothing is.
func checkTag(tag string) string {
	if tag == "" {
		return "the tag is empty: complete the line"
	}
	return strings.Replace(checkLabel(tag), "the label", "the tag", 1)
}

// columnNumber is a column that a number names, from 0; false if it names none.
func columnNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n - 1, err == nil && n >= 1 && n <= maxColumns
}
