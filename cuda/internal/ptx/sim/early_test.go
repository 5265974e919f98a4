package sim

import (
	"errors"
	"strings"
	"testing"
)

// after is the text of a kernel that copies a word at p to q, with lines put in where it says so.
func after(lines map[string]string) string {
	text := `.version 7.8
.target sm_90
.address_size 64
.visible .entry k(
	.param .u64 p,
	.param .u64 q
)
{
	.reg .pred %p<2>;
	.reg .b32 %r<3>;
	.reg .b64 %rd<3>;
	ld.param.u64 %rd1, [p];
	ld.param.u64 %rd2, [q];
	mov.u32 %r2, %tid.x;
	setp.ne.u32 %p1, %r2, 0;
	BEFORE
	@%p1 bra end;
	ld.global.u32 %r1, [%rd1];
	BETWEEN
	st.global.u32 [%rd2], %r1;
	AFTER
end:
	LAST
	ret;
}
`
	for _, place := range []string{"BEFORE", "BETWEEN", "AFTER", "LAST"} {
		text = strings.Replace(text, place, lines[place], 1)
	}
	return text
}

// A kernel that begins early must wait before it relies on the one before, and must not let the next one begin
// before it has.
func TestEarly(t *testing.T) {
	const wait, next = "griddepcontrol.wait;", "griddepcontrol.launch_dependents;"
	for _, c := range []struct {
		what  string
		lines map[string]string
		alone bool   // the word that is read is of an earlier launch
		fault string // "": none
	}{
		{"as it should be", map[string]string{"BEFORE": wait + next}, false, ""},
		{"without letting the next one begin", map[string]string{"BEFORE": wait}, false, ""},
		{"a wait only in the threads that write", map[string]string{"BETWEEN": wait}, true, "ends, and has not waited"},
		{"no wait", nil, true, "writes to"},
		{"a read before the wait, of older memory", map[string]string{"BETWEEN": wait, "LAST": wait}, true, ""},
		{"a read before the wait, of new memory", map[string]string{"BETWEEN": wait, "LAST": wait}, false, "the kernel before writes"},
		{"a write before the wait", map[string]string{"AFTER": wait, "LAST": wait}, true, "writes to"},
		{"the next one begins before the wait", map[string]string{"BEFORE": next + wait}, true, "lets the next kernel begin"},
	} {
		m := NewMemory(1<<20, true)
		at := func() uint64 {
			p, err := m.Alloc(4)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Write(p, []byte{1, 2, 3, 4}); err != nil {
				t.Fatal(err)
			}
			return p
		}
		launch := func(text string, after *Launch, from, to uint64) (*Launch, error) {
			module, err := Compile(text)
			if err != nil {
				t.Fatal(err)
			}
			f, err := module.Function("k")
			if err != nil {
				t.Fatal(err)
			}
			l := &Launch{Grid: Dim{1, 1, 1}, Block: Dim{32, 1, 1}, Args: []uint64{from, to}, Memory: m,
				Early: after != nil, After: after}
			_, err = f.Launch(l)
			return l, err
		}
		right := after(map[string]string{"BEFORE": wait + next})
		a, b, other := at(), at(), at()
		first, err := launch(right, nil, a, b)
		if err != nil {
			t.Fatal(err)
		}
		if c.alone {
			if first, err = launch(right, first, a, other); err != nil {
				t.Fatal(err)
			}
		}
		_, err = launch(after(c.lines), first, b, other)
		var fault *Fault
		switch {
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.fault != "" && (!errors.As(err, &fault) || fault.Kind != Early || !strings.Contains(fault.What, c.fault)):
			t.Errorf("%s: %v, want a fault that says %q", c.what, err, c.fault)
		}
		if _, err := launch(after(c.lines), nil, b, other); err != nil {
			t.Errorf("%s, after all that was before has ended: %v", c.what, err)
		}
	}
}
