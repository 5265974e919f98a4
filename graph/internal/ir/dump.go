package ir

import (
	"fmt"
	"strings"
)

// String is a readable dump of the function, one value a line in the order of Values, loop bodies indented
// below their loop:
//
//	%2 = product(a·b) %0 %1 : f32[3 5]  "z"
func (f *Func) String() string {
	var b strings.Builder
	f.dump(&b, "", "%")
	return b.String()
}

func (f *Func) dump(b *strings.Builder, indent, prefix string) {
	names := map[*Value]string{}
	ref := func(v *Value) string { return names[v] }
	for i, p := range f.Params {
		names[p] = fmt.Sprintf("%sp%d", prefix, i)
		fmt.Fprintf(b, "%s%s : %v%s\n", indent, names[p], p.Type, quoted(p.Name))
	}
	loops := 0
	n := 0
	for _, v := range f.Values() {
		if names[v] != "" {
			continue
		}
		if p, ok := v.Op.(Proj); ok {
			names[v] = fmt.Sprintf("%s.%d", names[v.Args[0]], p.Index)
			continue
		}
		names[v] = fmt.Sprintf("%s%d", prefix, n)
		n++
		fmt.Fprintf(b, "%s%s = %s", indent, names[v], opString(v.Op))
		for _, a := range v.Args {
			b.WriteString(" " + ref(a))
		}
		if v.Parts != nil {
			fmt.Fprintf(b, " : %v", v.Parts)
		} else if _, ok := v.Op.(Const); !ok {
			fmt.Fprintf(b, " : %v", v.Type)
		}
		b.WriteString(quoted(v.Name) + "\n")
		if l, ok := v.Op.(*Loop); ok {
			l.Body.dump(b, indent+"    ", fmt.Sprintf("%s%c", prefix, 'a'+loops%26))
			loops++
		}
	}
	b.WriteString(indent + "return")
	for _, r := range f.Results {
		b.WriteString(" " + ref(r))
	}
	b.WriteByte('\n')
}

// opString is Op.String without what differs between runs of the program.
func opString(op Op) string {
	if l, ok := op.(*Loop); ok {
		return "loop" + quoted(l.Label) + l.interior()
	}
	return op.String()
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}

// inline is the function on one line: what a Fused shows.
func (f *Func) inline() string {
	names := map[*Value]string{}
	for i, p := range f.Params {
		names[p] = fmt.Sprintf("p%d", i)
	}
	var b strings.Builder
	b.WriteString("{")
	n := 0
	for _, v := range f.Values() {
		if names[v] != "" {
			continue
		}
		switch op := v.Op.(type) {
		case Const:
			names[v] = fmt.Sprintf("%g:%v", op.Value, op.Of.Dtype)
			continue
		case Iota:
			names[v] = fmt.Sprintf("iota%d:%v", op.Axis, op.Of.Dtype)
			continue
		}
		names[v] = fmt.Sprintf("v%d", n)
		n++
		fmt.Fprintf(&b, "%s=%v", names[v], v.Op)
		for _, a := range v.Args {
			b.WriteString(" " + names[a])
		}
		b.WriteString("; ")
	}
	b.WriteString("return")
	for _, r := range f.Results {
		b.WriteString(" " + names[r])
	}
	b.WriteString("}")
	return b.String()
}
