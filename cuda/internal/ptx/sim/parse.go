package sim

import (
	"fmt"
	"strconv"
	"strings"
)

// parser reads a module from tokens. Its methods panic with a *SyntaxError, which parse recovers.
type parser struct {
	tokens []token
	pos    int
	lines  []string
	module *Module
	extern string // the name of the shared memory whose size is set at launch
	target int    // the generation of GPUs that the text is for
}

func parse(text string) (m *Module, err error) {
	p := &parser{lines: strings.Split(text, "\n"), module: &Module{functions: map[string]*Function{}}}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			m, err = nil, e
		}
	}()
	tokens, bad := scan(text)
	if bad != nil {
		bad.Text = p.text(bad.Line)
		return nil, bad
	}
	p.tokens = tokens
	p.header()
	for p.pos < len(p.tokens) {
		switch t := p.next(); t.text {
		case ".extern":
			p.externShared()
		case ".visible":
			p.entry()
		default:
			p.fail(t.line, "%q: .visible .entry or .extern .shared is expected", t.text)
		}
	}
	return p.module, nil
}

// text is a line of the text, without the space around it.
func (p *parser) text(line int) string {
	if line < 1 || line > len(p.lines) {
		return ""
	}
	return strings.TrimSpace(p.lines[line-1])
}

func (p *parser) fail(line int, format string, args ...any) {
	panic(&SyntaxError{Line: line, Text: p.text(line), Why: fmt.Sprintf(format, args...)})
}

func (p *parser) line() int {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos].line
	}
	return len(p.lines)
}

// peek is the text of the next token, "" at the end.
func (p *parser) peek() string {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos].text
	}
	return ""
}

func (p *parser) next() token {
	if p.pos >= len(p.tokens) {
		p.fail(len(p.lines), "the text ends here")
	}
	p.pos++
	return p.tokens[p.pos-1]
}

func (p *parser) accept(text string) bool {
	if p.peek() == text && text != "" {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(texts ...string) {
	for _, text := range texts {
		line := p.line()
		if got := p.peek(); !p.accept(text) {
			p.fail(line, "%q where %q is expected", got, text)
		}
	}
}

// name reads an identifier.
func (p *parser) name() string {
	t := p.next()
	if c := t.text[0]; c >= '0' && c <= '9' || strings.ContainsAny(t.text, ".%") || !wordByte(c) {
		p.fail(t.line, "%q where a name is expected", t.text)
	}
	return t.text
}

// number reads a decimal number without sign.
func (p *parser) number(most int) int {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	if err != nil || n < 0 || n > most {
		p.fail(t.line, "%q where a number up to %d is expected", t.text, most)
	}
	return n
}

func (p *parser) header() {
	p.expect(".version")
	if t := p.next(); len(t.text) != 3 || t.text < "6.0" || t.text > "7.8" {
		p.fail(t.line, "version %s; 6.0 to 7.8 are known", t.text)
	}
	p.expect(".target")
	t := p.next()
	number, ok := strings.CutPrefix(t.text, "sm_")
	target, err := strconv.Atoi(number)
	if !ok || err != nil {
		p.fail(t.line, "%q is no target", t.text)
	}
	p.target, p.module.target = target, target
	p.expect(".address_size", "64")
}

func (p *parser) externShared() {
	p.expect(".shared", ".align")
	p.number(sharedAlign)
	p.expect(".b8")
	p.extern = p.name()
	p.expect("[", "]", ";")
}

// Limits of what is declared, so that no text makes the parser reserve much.
const (
	maxRegisters = 1 << 16
	maxArray     = 1 << 20
	sharedAlign  = 16
)

func (p *parser) entry() {
	p.expect(".entry")
	at := p.line()
	k := &kernel{
		parser: p,
		f:      &Function{name: p.name(), source: p.lines, dynamic: p.extern != "", maxThreads: maxUnbounded},
		params: map[string]int32{}, declared: map[string]declaration{}, registers: map[string]int32{},
		predicates: map[string]int32{},
		constants:  map[uint64]int32{}, specials: map[string]int32{}, shared: map[string]int{}, labels: map[string]int32{},
	}
	if p.module.functions[k.f.name] != nil {
		p.fail(at, "there are two kernels of this name")
	}
	k.constant(0) // pseudo-register 0: the operand of who has none
	p.expect("(")
	for !p.accept(")") {
		if len(k.params) > 0 {
			p.expect(",")
		}
		p.expect(".param")
		if t := p.next(); t.text != ".u64" && t.text != ".s64" && t.text != ".b64" && t.text != ".f64" {
			p.fail(t.line, "a parameter of type %s; all have 8 bytes", t.text)
		}
		k.param()
	}
	if p.accept(".maxntid") {
		x := p.number(maxBlock)
		p.expect(",", "1", ",", "1")
		k.f.maxThreads, k.f.bounded = x, true
	}
	p.expect("{")
	for !p.accept("}") {
		k.statement()
	}
	k.finish(at)
	p.module.functions[k.f.name] = k.f
}
