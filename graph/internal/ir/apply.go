package ir

// Apply is f's results with args in the place of its parameters: the function inlined.
func (f *Func) Apply(args ...*Value) []*Value {
	m := map[*Value]*Value{}
	for i, p := range f.Params {
		m[p] = args[i]
	}
	for _, v := range f.Values() {
		if m[v] == nil {
			m[v] = v.with(m)
		}
	}
	rs := make([]*Value, len(f.Results))
	for i, r := range f.Results {
		rs[i] = m[r]
	}
	return rs
}

// with is v with other arguments; v itself if none differs.
func (v *Value) with(m map[*Value]*Value) *Value {
	same := true
	for _, a := range v.Args {
		same = same && m[a] == a
	}
	if same {
		return v
	}
	w := *v
	w.Args = make([]*Value, len(v.Args))
	for i, a := range v.Args {
		w.Args[i] = m[a]
	}
	return &w
}
