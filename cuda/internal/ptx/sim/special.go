package sim

// special is a pseudo-register that holds what the GPU knows.
type special struct {
	reg int32
	of  func(l *Launch, block, thread Dim, lane int) int
}

var specials = map[string]func(l *Launch, block, thread Dim, lane int) int{
	"%tid.x":    func(_ *Launch, _, t Dim, _ int) int { return t.X },
	"%tid.y":    func(_ *Launch, _, t Dim, _ int) int { return t.Y },
	"%tid.z":    func(_ *Launch, _, t Dim, _ int) int { return t.Z },
	"%ntid.x":   func(l *Launch, _, _ Dim, _ int) int { return l.Block.X },
	"%ntid.y":   func(l *Launch, _, _ Dim, _ int) int { return l.Block.Y },
	"%ntid.z":   func(l *Launch, _, _ Dim, _ int) int { return l.Block.Z },
	"%ctaid.x":  func(_ *Launch, b, _ Dim, _ int) int { return b.X },
	"%ctaid.y":  func(_ *Launch, b, _ Dim, _ int) int { return b.Y },
	"%ctaid.z":  func(_ *Launch, b, _ Dim, _ int) int { return b.Z },
	"%nctaid.x": func(l *Launch, _, _ Dim, _ int) int { return l.Grid.X },
	"%nctaid.y": func(l *Launch, _, _ Dim, _ int) int { return l.Grid.Y },
	"%nctaid.z": func(l *Launch, _, _ Dim, _ int) int { return l.Grid.Z },
	"%laneid":   func(_ *Launch, _, _ Dim, lane int) int { return lane },
}

// special is the pseudo-register of a special register or of the address of shared memory.
func (k *kernel) special(name string) (int32, bool) {
	if at, ok := k.shared[name]; ok {
		return k.constant(uint64(sharedBase + at)), true
	}
	if name == k.extern && name != "" {
		r, ok := k.specials[name]
		if !ok { // it begins where the declared memory of this kernel ends, which is known when all of it is read
			r = k.register(name)
			k.specials[name] = r
			f := k.f
			f.specials = append(f.specials, special{r,
				func(*Launch, Dim, Dim, int) int { return sharedBase + place(f.arrays, name, 0).at }})
		}
		return r, true
	}
	of, ok := specials[name]
	if !ok {
		return 0, false
	}
	r, ok := k.specials[name]
	if !ok {
		r = k.register(name)
		k.specials[name] = r
		k.f.specials = append(k.f.specials, special{r, of})
	}
	return r, true
}
