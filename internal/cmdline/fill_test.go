package cmdline

import (
	"testing"

	"github.com/alecthomas/kong"
)

type common struct {
	Rate float64 `default:"${rate}" help:"Rate${note}, ${default} without it."`
}

func TestFill(t *testing.T) {
	var app struct {
		Inner struct {
			common `embed:"" set:"note= of ${what}"`
			Kind   string `enum:"${kinds}" default:"a" help:"One of ${enum}${none=, no more}." placeholder:"${what}"`
		} `cmd:"" help:"Trains ${what}."`
		Plain common `embed:"" prefix:"plain-" set:"note="`
	}
	parser, err := kong.New(&app, Fill(map[string]string{"rate": "0.5", "what": "models", "kinds": "a,b"}))
	if err != nil {
		t.Fatal(err)
	}
	inner := parser.Model.Children[0]
	if inner.Help != "Trains models." {
		t.Errorf("command: %q", inner.Help)
	}
	want := map[string][3]string{
		"rate":       {"Rate of models, 0.5 without it.", "0.5", ""},
		"kind":       {"One of a,b, no more.", "a", "models"},
		"plain-rate": {"Rate, 0.5 without it.", "0.5", ""},
	}
	for _, flag := range append(inner.Flags, parser.Model.Flags...) {
		if w, ok := want[flag.Name]; ok && w != [3]string{flag.Help, flag.Default, flag.PlaceHolder} {
			t.Errorf("--%s: %q, %q, %q", flag.Name, flag.Help, flag.Default, flag.PlaceHolder)
		}
	}
	if _, err := parser.Parse([]string{"inner", "--kind", "c"}); err == nil {
		t.Error("a kind that there is not was taken")
	}
	if _, err := parser.Parse([]string{"inner"}); err != nil || app.Inner.Rate != 0.5 {
		t.Errorf("rate %g, %v", app.Inner.Rate, err)
	}

	var unknown struct {
		Flag string `help:"${nothing}"`
	}
	if _, err := kong.New(&unknown, Fill(nil)); err == nil || err.Error() != "no variable ${nothing}" {
		t.Errorf("a variable that stands for nothing: %v", err)
	}
}
