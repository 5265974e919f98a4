package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

// Pair is a sequence and the one it should become.
type Pair struct{ Source, Target string }

// Pairs are numbered pairs. Plain files of more than MaxHeldBytes stay on the disk: of each pair 32 bytes are
// kept in memory, and the pair is read when it is wanted. What is smaller or compressed is kept in memory.
type Pairs struct {
	Name    string // the file, or both files
	SHA256  string // of the file's bytes, uncompressed; of two files, of their hashes
	Skipped Skipped
	Notes   []string // what was taken for what, and what was left out, in words
	Format  Format   // as which they were read
	Column  int      // that of the sources, from 1; 0: they are lines, or in markup

	sides  [2]io.ReaderAt // sources and targets: the contents of files, uncompressed
	files  []*contents    // those that are on the disk
	at     []pairAt
	held   held
	copies int // targets that are their sources
}

// pairAt is where a pair stands. In memory there is no line.
type pairAt struct {
	offset [2]int64
	length [2]int32
	line   int32
}

// MaxHeldBytes is the longest plain file of pairs that is kept in memory.
const MaxHeldBytes = 256 << 20

// NewPairs are pairs that are already in memory.
func NewPairs(name string, pairs []Pair) *Pairs {
	var b strings.Builder
	p := &Pairs{Name: name, at: make([]pairAt, len(pairs))}
	for i, pair := range pairs {
		source, target := int64(b.Len()), int64(b.Len()+len(pair.Source))
		p.at[i] = pairAt{offset: [2]int64{source, target}, length: [2]int32{int32(len(pair.Source)), int32(len(pair.Target))}}
		b.WriteString(pair.Source)
		b.WriteString(pair.Target)
	}
	all := strings.NewReader(b.String())
	p.sides = [2]io.ReaderAt{all, all}
	p.SHA256 = sha256Hex([]byte(b.String()))
	return p
}

// numbered are pairs in memory that stand in lines of a file.
func numbered(name string, pairs []Pair, lines []int32) *Pairs {
	p := NewPairs(name, pairs)
	for i, line := range lines {
		p.at[i].line = line
	}
	return p
}

// ReadPairs reads a file of rows with a source and its target, as a format says, plain or compressed by gzip;
// or a file of name pairs in the XML of the NEWS transliteration tasks, where a source with several targets
// makes several pairs; or a test set of WMT that has both sides. Columns that are not wanted are left out, and
// so are blank rows.
func ReadPairs(path string, f Format) (*Pairs, error) { return readPairs(path, f, MaxHeldBytes) }

// OpenPairs is ReadPairs of which a plain file stays on the disk however short it is.
func OpenPairs(path string, f Format) (*Pairs, error) { return readPairs(path, f, 0) }

func readPairs(path string, f Format, hold int64) (_ *Pairs, err error) {
	p := &Pairs{Name: path}
	defer p.closeUnless(&err)
	c, err := p.open(path, hold)
	if err != nil {
		return nil, err
	}
	l := &lenient{skip: f.SkipBad}
	if c.markup != "" {
		data, err := readCapped(c.reader(), c.size, path, "use a part of it")
		if err != nil {
			return nil, err
		}
		p.Close()
		return readMarkup(path, data, l)
	}
	p.sides = [2]io.ReaderAt{c, c}
	copies := 0
	var pairs []Pair // of records, which are not in the file as they are
	var lines []int32
	s := &scan{name: path, roles: pairRoles, format: f, lenient: l}
	if err := s.rows(c, func(r *row, cells [2][]byte) error {
		if err := p.hold(len(cells[0])+len(cells[1]), path, r.line); err != nil {
			return err
		}
		if bytes.Equal(cells[0], cells[1]) {
			copies++
		}
		if !s.plain {
			pairs, lines = append(pairs, Pair{string(cells[0]), string(cells[1])}), append(lines, int32(r.line))
			return nil
		}
		at := pairAt{line: int32(r.line)}
		for side, cell := range s.columns.at {
			at.set(side, r.place(cell), r.cells[cell])
		}
		p.at = append(p.at, at)
		return nil
	}); err != nil {
		return nil, err
	}
	if !s.plain {
		p.Close()
		p = numbered(path, pairs, lines)
	}
	p.SHA256, p.Skipped, p.Notes, p.Format, p.copies = s.sum, l.skipped, s.notes, f, copies
	p.noteCopies()
	if err := p.check("no pairs: " + pairRoles.line); err != nil {
		return nil, err
	}
	p.Column = s.columns.at[0] + 1
	if what := s.profile.checkPairs(s.columns); what != "" {
		return nil, &Error{File: path, What: what}
	}
	return p, nil
}

// hold counts a pair in memory. Files that stay on the disk are longer than what is kept of their pairs, or about so.
func (p *Pairs) hold(text int, name string, line int) error {
	if !p.InMemory() {
		return nil
	}
	return p.held.add(1, text, name, line)
}

// set notes where a side of a pair stands, without white space around it.
func (at *pairAt) set(side int, offset int64, s []byte) {
	left := bytes.TrimLeftFunc(s, isBlank)
	at.offset[side] = offset + int64(len(s)-len(left))
	at.length[side] = int32(len(trim(left)))
}

// ReadParallel reads pairs from two files: the lines of one are the sources, those of the other the targets.
// Both may be compressed by gzip. Pairs of blank lines are left out. Different numbers of lines are an *Error;
// with skip, lines that cannot be used are left out and counted. A file may also be a test set of WMT: its
// segments are the lines.
func ReadParallel(source, target string, skip bool) (*Pairs, error) {
	return readParallel(source, target, skip, MaxHeldBytes)
}

func readParallel(source, target string, skip bool, hold int64) (_ *Pairs, err error) {
	p := &Pairs{Name: source + " and " + target}
	defer p.closeUnless(&err)
	l := &lenient{skip: skip}
	var sums [2]hash.Hash
	var lines [2]*lineReader
	for side, path := range []string{source, target} {
		s, err := p.open(path, hold)
		if err != nil {
			return nil, err
		}
		sums[side] = sha256.New()
		name := path
		if s.markup != "" {
			if s, err = p.segments(path, s, side); err != nil {
				return nil, err
			}
			name += ", a line for a segment"
		}
		lines[side] = newLineReader(name, io.TeeReader(s.reader(), sums[side]))
		p.sides[side] = s
	}
	for {
		var texts [2][]byte
		var errs [2]error
		for side := range lines {
			texts[side], errs[side] = lines[side].read()
		}
		if errs[0] == io.EOF && errs[1] == io.EOF {
			break
		}
		if errs[0] == io.EOF || errs[1] == io.EOF {
			return nil, unequal(lines, errs)
		}
		if err := p.addLines(lines, texts, errs, l); err != nil {
			return nil, err
		}
	}
	both := hex.EncodeToString(sums[0].Sum(nil)) + hex.EncodeToString(sums[1].Sum(nil))
	p.SHA256, p.Skipped = sha256Hex([]byte(both)), l.skipped
	p.noteCopies()
	return p, p.check("no pairs, both files are empty: choose others")
}

// segments are those of one side of a test set, as lines.
func (p *Pairs) segments(path string, c *contents, side int) (*contents, error) {
	data, err := readCapped(c.reader(), c.size, path, "use a part of it")
	if err != nil {
		return nil, err
	}
	segments, err := readSegments(path, data)
	if err != nil {
		return nil, err
	}
	segments, left, err := sideOfSet(path, segments, [2]string{srcSide, refSide}[side])
	if err != nil {
		return nil, err
	}
	p.Notes = append(p.Notes, fmt.Sprintf("%s: %d segments of a test set", path, len(segments)))
	if left > 0 {
		p.Notes = append(p.Notes, moreReferences(path, left))
	}
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(s.text + "\n")
	}
	return &contents{ReaderAt: strings.NewReader(b.String()), size: int64(b.Len())}, nil
}

// addLines adds the pair of two lines, or takes note of what is wrong with them.
func (p *Pairs) addLines(lines [2]*lineReader, texts [2][]byte, errs [2]error, l *lenient) error {
	at := pairAt{line: int32(lines[0].number)}
	for side, err := range errs {
		var e *Error
		if errors.As(err, &e) {
			return l.bad(e)
		}
		if err != nil {
			return err
		}
		at.set(side, lines[side].offset, texts[side])
	}
	for side := range lines {
		if at.length[side] == 0 && at.length[1-side] > 0 {
			return l.bad(&Error{File: lines[side].name, Line: lines[side].number,
				What: fmt.Sprintf("the line is blank, and its counterpart in %s is not: remove both or complete it",
					lines[1-side].name)})
		}
	}
	if at.length[0] > 0 {
		if err := p.hold(len(texts[0])+len(texts[1]), lines[0].name, lines[0].number); err != nil {
			return err
		}
		p.at = append(p.at, at)
		if bytes.Equal(trim(texts[0]), trim(texts[1])) {
			p.copies++
		}
	}
	return nil
}

// noteCopies says that most targets are their sources, as where a file is named twice.
func (p *Pairs) noteCopies() {
	if 2*p.copies > len(p.at) {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: %d of %d targets are the same as their sources", p.Name, p.copies,
			len(p.at)))
	}
}

// unequal counts the lines of both files, one of which has ended.
func unequal(lines [2]*lineReader, errs [2]error) error {
	var counts [2]int
	for side, l := range lines {
		for err := errs[side]; err != io.EOF; _, err = l.read() {
			var e *Error
			if err != nil && !errors.As(err, &e) {
				return err
			}
		}
		counts[side] = l.number - 1
	}
	return &Error{File: lines[0].name, What: fmt.Sprintf("%s, and %s has %d: line for line, one must be the "+
		"translation of the other",
		words.Count(counts[0], "line", "lines"), lines[1].name, counts[1])}
}

// check says whether there is anything to learn.
func (p *Pairs) check(none string) error {
	if len(p.at) > 0 {
		return nil
	}
	if p.Skipped.Count > 0 {
		none = p.Skipped.all()
	}
	return &Error{File: p.Name, What: none}
}

// Len is the number of pairs.
func (p *Pairs) Len() int { return len(p.at) }

// Line is the number of the line where pair i stands, in both files if there are two; 0 if it is in no file.
func (p *Pairs) Line(i int) int { return int(p.at[i].line) }

// Pair reads pair i in [0, Len).
func (p *Pairs) Pair(i int) (Pair, error) {
	if i < 0 || i >= p.Len() {
		return Pair{}, errors.Errorf("%s: pair %d of %d", p.Name, i, p.Len())
	}
	var texts [2]string
	for side := range texts {
		b := make([]byte, p.at[i].length[side])
		if _, err := p.sides[side].ReadAt(b, p.at[i].offset[side]); err != nil {
			if err == io.EOF {
				return Pair{}, &Error{File: p.Name, Line: p.Line(i),
					What: "the file has become shorter while it was used: leave it as it is, and repeat the command"}
			}
			return Pair{}, errors.WithStack(err)
		}
		texts[side] = string(b)
	}
	for _, f := range p.files {
		if f.changed() {
			return Pair{}, &Error{File: p.Name, Line: p.Line(i),
				What: "the file has changed while it was used: leave it as it is, and repeat the command"}
		}
	}
	return Pair{texts[0], texts[1]}, nil
}

// InMemory says whether no pair needs the disk.
func (p *Pairs) InMemory() bool { return len(p.files) == 0 }

// Close closes the files that are still open.
func (p *Pairs) Close() error {
	var first error
	for _, f := range p.files {
		if err := f.file.Close(); err != nil && first == nil {
			first = errors.WithStack(err)
		}
	}
	p.files = nil
	return first
}

func (p *Pairs) closeUnless(err *error) {
	if *err != nil {
		p.Close()
	}
}

// open opens a file, which stays open if it is longer than hold.
func (p *Pairs) open(path string, hold int64) (*contents, error) {
	p.held.file(path)
	c, err := openContents(path, hold)
	if err == nil && c.file != nil {
		p.files = append(p.files, c)
	}
	return c, err
}
