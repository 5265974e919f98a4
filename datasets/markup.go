package datasets

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

// markupNames begin files of texts that are marked up, in lower case.
var markupNames = []string{
	"?xml", "!doctype", "!--", "srcset", "refset", "tstset", "mteval", "dataset", "doc", "seg", "transliterationcorpus",
	"tmx", "xliff", "html", "head", "body", "tei", "tei.2", "teicorpus", "corpus", "cesdoc",
}

// markup says in words with what a text begins, if that is markup; otherwise "".
func markup(head []byte) string {
	head = trim(head)
	if !bytes.HasPrefix(head, []byte("<")) {
		return ""
	}
	name := string(head[1:min(len(head), 40)])
	if strings.HasPrefix(name, "!--") {
		name = "!--"
	} else if i := strings.IndexAny(name, " \t\r\n>/["); i >= 0 {
		name = name[:i]
	}
	if !slices.Contains(markupNames, strings.ToLower(name)) {
		return ""
	}
	return fmt.Sprintf("it begins with <%s, which is markup", name)
}

// segment is a <seg> of a test set.
type segment struct {
	side string // the set it is of: srcSide, refSide, otherSide, or "" if nothing says
	set  int    // the number of that <src>, <ref>, ... within the document
	doc  int    // the number of the document, from 1
	id   string
	text string
	line int
}

const (
	srcSide   = "src"
	refSide   = "ref"
	otherSide = "hyp"
)

// sideOf are the elements that say of which side segments are: of the sets of NIST and WMT in SGML, and of the
// newer ones of WMT in XML.
var sideOf = map[string]string{
	"srcset": srcSide, "src": srcSide, "refset": refSide, "ref": refSide, "tstset": otherSide, "hyp": otherSide,
}

// readSegments reads the segments of a test set of machine translation:
//
//	<srcset ...> <doc ...> <p> <seg id="1">…</seg> … </srcset>                              and <refset>, <tstset>
//	<dataset ...> <doc ...> <src ...> <p> <seg id="1">…</seg> … </src> <ref ...> … </ref> … </doc> … </dataset>
//
// SGML need not be XML, so that only the tags that matter are looked at. Entities are decoded.
func readSegments(name string, data []byte) ([]segment, error) {
	if err := checkText(name, data); err != nil {
		return nil, err
	}
	if first := firstElement(data); !slices.Contains(setNames, first) {
		return nil, &Error{File: name, What: fmt.Sprintf("it is marked up, and begins with <%s>; of markup only test sets "+
			"of WMT are read: convert it to texts, a line each", first)}
	}
	var segments []segment
	at := segment{line: 1}
	rest := string(data)
	advance := func(n int) {
		at.line += strings.Count(rest[:n], "\n")
		rest = rest[n:]
	}
	for {
		begin := strings.IndexByte(rest, '<')
		if begin < 0 {
			break
		}
		advance(begin)
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return nil, &Error{File: name, Line: at.line, What: "a tag does not end: copy or download it again"}
		}
		element, attributes, _ := strings.Cut(strings.ToLower(strings.TrimSpace(rest[1:end])), " ")
		if element != "seg" {
			at.enter(element)
			advance(end + 1)
			continue
		}
		close := strings.Index(strings.ToLower(rest), "</seg>")
		if close < 0 {
			return nil, &Error{File: name, Line: at.line, What: "a <seg> does not end: copy or download it again"}
		}
		s := at
		s.id, s.text = attribute(attributes, "id"),
			strings.TrimFunc(inOneLine.Replace(html.UnescapeString(rest[end+1:close])), isBlank)
		segments = append(segments, s)
		advance(close)
	}
	if len(segments) == 0 {
		return nil, &Error{File: name,
			What: "it is marked up, and holds no <seg>, as test sets of WMT do: convert it to texts, a line each"}
	}
	return segments, nil
}

// setNames are the first elements of test sets.
var setNames = []string{"srcset", "refset", "tstset", "mteval", "dataset", "doc", "seg"}

var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

var firstTag = regexp.MustCompile(`<([A-Za-z][^\s<>/\[]*)`)

// firstElement is the name of the first element of marked-up text, in lower case.
func firstElement(data []byte) string {
	if m := firstTag.FindSubmatch(comment.ReplaceAll(data[:min(len(data), 1<<16)], nil)); m != nil {
		return strings.ToLower(string(m[1]))
	}
	return ""
}

// enter notes that an element begins or ends.
func (s *segment) enter(element string) {
	side, known := sideOf[strings.TrimPrefix(element, "/")]
	switch {
	case element == "doc":
		s.doc++
		s.set = 0
	case known && strings.HasPrefix(element, "/"):
		s.side = ""
	case known:
		s.side = side
		s.set++
	}
}

// attribute is the value of an attribute, with quotation marks around it or without; "" if it is not there.
func attribute(attributes, name string) string {
	_, value, ok := strings.Cut(" "+attributes, " "+name+"=")
	if !ok {
		return ""
	}
	if quote := value[:min(1, len(value))]; quote == `"` || quote == "'" {
		value, _, _ = strings.Cut(value[1:], quote)
		return value
	}
	value, _, _ = strings.Cut(value, " ")
	return value
}

// sideOfSet are the texts of one side of a test set: those of side, of each document the first, or all if there
// is one side only. More are counted in left.
func sideOfSet(name string, segments []segment, side string) (texts []segment, left int, err error) {
	sides := map[string]bool{}
	for _, s := range segments {
		sides[s.side] = true
	}
	if len(sides) > 1 && !sides[side] {
		return nil, 0, &Error{File: name,
			What: fmt.Sprintf("it has segments of several sides, and none of <%s>: choose another file", side)}
	}
	first := map[int]int{}
	for _, s := range segments {
		if sides[side] && s.side != side {
			continue
		}
		if set, ok := first[s.doc]; !ok {
			first[s.doc] = s.set
		} else if set != s.set {
			left++
			continue
		}
		texts = append(texts, s)
	}
	return texts, left, nil
}

// readMarkup reads pairs from a file that begins with markup: a corpus of NEWS, or a test set that has both sides.
func readMarkup(name string, data []byte, l *lenient) (*Pairs, error) {
	if firstElement(data) == newsRoot {
		return readNEWS(name, data)
	}
	segments, err := readSegments(name, data)
	if err != nil {
		return nil, err
	}
	refs, left, err := sideOfSet(name, segments, refSide)
	if err != nil {
		return nil, err
	}
	type key struct {
		doc int
		id  string
	}
	targets := map[key]segment{}
	for _, s := range refs {
		if s.side == refSide {
			targets[key{s.doc, s.id}] = s
		}
	}
	if len(targets) == 0 {
		return nil, &Error{File: name, What: "its segments are of one side: give it with --src, and the file of the other " +
			"side with --tgt, or the other way round"}
	}
	var pairs []Pair
	var lines []int32
	sources, _, err := sideOfSet(name, segments, srcSide)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		target, ok := targets[key{s.doc, s.id}]
		what := ""
		switch {
		case ok && s.text == "" && target.text == "":
			continue
		case !ok:
			what = fmt.Sprintf("segment %q has no reference: remove or complete it", s.id)
		case s.text == "" || target.text == "":
			what = fmt.Sprintf("segment %q is empty, or its reference is: remove or complete it", s.id)
		default:
			pairs, lines = append(pairs, Pair{s.text, target.text}), append(lines, int32(s.line))
			continue
		}
		if err := l.bad(&Error{File: name, Line: s.line, What: what}); err != nil {
			return nil, err
		}
	}
	p := numbered(name, pairs, lines)
	p.SHA256, p.Skipped = sha256Hex(data), l.skipped
	if left > 0 {
		p.Notes = append(p.Notes, moreReferences(name, left))
	}
	return p, p.check("no pairs of a source and a reference: choose another file")
}

func moreReferences(name string, left int) string {
	return fmt.Sprintf("%s: of several references the first is read, %d segments of others are not", name, left)
}

// checkText says where data is not UTF-8 text.
func checkText(name string, data []byte) error {
	begin := 0
	for number := 1; begin < len(data); number++ {
		end := begin + 1 + bytes.IndexByte(data[begin:], '\n')
		if end == begin {
			end = len(data)
		}
		if e := notTextIn(data[begin:end], int64(begin)); e != nil {
			e.File, e.Line = name, number
			return e
		}
		begin = end
	}
	return nil
}
