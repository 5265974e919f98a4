package checkpoint

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pkg/errors"
)

const metadataKey = "__metadata__"

// entry is what the header says of one tensor.
type entry struct {
	name   string
	dtype  string
	shape  []int
	lo, hi int64 // bytes of the data section
}

// parseHeader reads a header of n bytes, the JSON object
//
//	{"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {"KEY": "VALUE", ...}}
//
// and nothing more general. It reads by character, not with encoding/json, for three reasons: that one accepts
// duplicate keys, keys in another case and bad UTF-8; it would hold a header of 100 MB in memory several times;
// and a hostile header should cost time only until its first fault. Values of the metadata are checked and
// dropped.
func parseHeader(r io.Reader, n int64) ([]entry, error) {
	p := &parser{r: bufio.NewReaderSize(io.LimitReader(r, n), 1<<16)}
	var entries []entry
	err := p.catch(func() {
		if p.next() != '{' {
			p.fail("does not begin with '{'")
		}
		seen := map[string]bool{}
		p.objectBody(func(key string) {
			if seen[key] {
				p.failTensor(key, "twice in the header")
			}
			seen[key] = true
			if key == metadataKey {
				p.metadata()
				return
			}
			if len(entries) == maxTensors {
				p.fail("more than %d tensors", maxTensors)
			}
			entries = append(entries, p.entry(key))
		})
		p.space()
		if _, err := p.r.ReadByte(); err == nil {
			p.fail("more after the closing '}'")
		} else if err != io.EOF {
			panic(headerError{err})
		}
	})
	return entries, err
}

// parser reads the header's JSON. Its methods panic with a headerError, which catch turns into an error.
type parser struct {
	r      *bufio.Reader
	at     int64  // bytes read
	tensor string // whose entry is being read
	buf    []byte
}

type headerError struct{ error }

func (p *parser) catch(f func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case headerError:
			err = e.error
		default:
			panic(e)
		}
	}()
	f()
	return nil
}

func (p *parser) fail(format string, args ...any) { p.failTensor(p.tensor, format, args...) }

func (p *parser) failTensor(tensor, format string, args ...any) {
	panic(headerError{corrupt(tensor, "header, byte %d: %s", p.at, fmt.Sprintf(format, args...))})
}

func (p *parser) next() byte {
	c, err := p.r.ReadByte()
	if err == io.EOF {
		p.fail("ends in the middle")
	} else if err != nil {
		panic(headerError{errors.WithStack(err)})
	}
	p.at++
	return c
}

// space skips white space and looks at the character after it; 0 at the end.
func (p *parser) space() byte {
	for {
		c, err := p.r.ReadByte()
		if err == io.EOF {
			return 0
		} else if err != nil {
			panic(headerError{errors.WithStack(err)})
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			p.r.UnreadByte()
			return c
		}
		p.at++
	}
}

func (p *parser) expect(want byte) {
	p.space()
	if c := p.next(); c != want {
		p.fail("%q where %q belongs", c, want)
	}
}

// objectBody reads the members of an object after its '{', and its '}'; member reads each value.
func (p *parser) objectBody(member func(key string)) {
	if p.space() == '}' {
		p.next()
		return
	}
	for {
		p.space()
		key := p.string()
		p.expect(':')
		member(key)
		p.space()
		switch c := p.next(); c {
		case ',':
		case '}':
			return
		default:
			p.fail("%q where ',' or '}' belongs", c)
		}
	}
}

func (p *parser) entry(name string) entry {
	if name == "" {
		p.fail("a tensor without a name")
	}
	p.tensor = name
	defer func() { p.tensor = "" }()
	e := entry{name: name}
	var fields []string
	p.expect('{')
	p.objectBody(func(field string) {
		if slices.Contains(fields, field) {
			p.fail("%q twice", field)
		}
		fields = append(fields, field)
		switch field {
		case "dtype":
			p.space()
			e.dtype = p.string()
			if dtypes[e.dtype] == 0 {
				p.fail("dtype %.20q, only F32, F64, I32 and I64 are read: convert it to F32", e.dtype)
			}
		case "shape":
			for _, d := range p.numbers(maxRank) {
				e.shape = append(e.shape, int(d))
			}
		case "data_offsets":
			offsets := p.numbers(2)
			if len(offsets) != 2 {
				p.fail("%d data_offsets, want 2", len(offsets))
			}
			e.lo, e.hi = offsets[0], offsets[1]
		default:
			p.fail("unknown field %.40q", field)
		}
	})
	if len(fields) != 3 {
		p.fail("only the fields %q of dtype, shape and data_offsets", fields)
	}
	elements, ok := product(e.shape)
	bytes, fits := product([]int{int(elements), dtypes[e.dtype]})
	switch {
	case !ok || !fits:
		p.fail("the shape %v is larger than any file", e.shape)
	case e.hi < e.lo || e.hi-e.lo != bytes:
		p.fail("data_offsets [%d, %d] for %d bytes of %s%v", e.lo, e.hi, bytes, e.dtype, e.shape)
	}
	return e
}

func (p *parser) metadata() {
	start := p.at
	seen := map[string]bool{}
	p.expect('{')
	p.objectBody(func(key string) {
		if seen[key] {
			p.fail("%.40q twice in %s", key, metadataKey)
		}
		seen[key] = true
		p.space()
		p.string()
		if p.at-start > maxMetadata {
			p.fail("more than %d bytes of %s", maxMetadata, metadataKey)
		}
	})
}

// numbers reads an array of at most limit whole numbers that are not negative.
func (p *parser) numbers(limit int) []int64 {
	p.expect('[')
	var ns []int64
	if p.space() == ']' {
		p.next()
		return ns
	}
	for {
		if len(ns) == limit {
			p.fail("more than %d numbers", limit)
		}
		ns = append(ns, p.number())
		p.space()
		switch c := p.next(); c {
		case ',':
		case ']':
			return ns
		default:
			p.fail("%q where ',' or ']' belongs", c)
		}
	}
}

func (p *parser) number() int64 {
	const largest = 1<<62 - 1
	c := p.space()
	if c < '0' || c > '9' {
		p.fail("%q where a number that is not negative belongs", c)
	}
	n, digits := int64(0), 0
	for {
		c, err := p.r.ReadByte()
		if err != nil || c < '0' || c > '9' {
			if err == nil {
				p.r.UnreadByte()
			}
			return n
		}
		p.at++
		if digits++; digits > 1 && n == 0 {
			p.fail("a number with a leading zero")
		}
		if n > (largest-int64(c-'0'))/10 {
			p.fail("a number larger than any file")
		}
		n = n*10 + int64(c-'0')
	}
}

// string reads a string of at most maxName bytes.
func (p *parser) string() string {
	if c := p.next(); c != '"' {
		p.fail("%q where a string belongs", c)
	}
	p.buf = p.buf[:0]
	for {
		c := p.next()
		switch {
		case c == '"':
			if !utf8.Valid(p.buf) {
				p.fail("a string that is not UTF-8")
			}
			return string(p.buf)
		case c < 0x20:
			p.fail("a control character in a string")
		case c == '\\':
			p.buf = utf8.AppendRune(p.buf, p.escape())
		default:
			p.buf = append(p.buf, c)
		}
		if len(p.buf) > maxName {
			p.fail("a string longer than %d bytes", maxName)
		}
	}
}

func (p *parser) escape() rune {
	switch c := p.next(); c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		r := p.hex4()
		if !utf16.IsSurrogate(r) {
			return r
		}
		if p.next() == '\\' && p.next() == 'u' {
			if r = utf16.DecodeRune(r, p.hex4()); r != utf8.RuneError {
				return r
			}
		}
		p.fail("half of a surrogate pair in a string")
	default:
		p.fail("the escape \\%c in a string", c)
	}
	return 0
}

func (p *parser) hex4() rune {
	var r rune
	for range 4 {
		switch c := p.next(); {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			p.fail("%q in a \\u escape", c)
		}
	}
	return r
}
