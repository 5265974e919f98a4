package serve

import (
	"context"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Runs that answer together are one model, of their names, and say what they say in package run.
func TestEnsemble(t *testing.T) {
	dirs := []string{trained(t, "dates"), trained(t, "dates")}
	s := servingRuns(t, nil, func() Config {
		c := Defaults()
		c.Runs, c.Ensemble = dirs, true
		return c
	}())
	r, err := run.OpenEnsemble(dirs, device)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Translator()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	want, err := m.Translate(context.Background(), 1, []string{"15.5.39"},
		run.TranslateOptions{Beam: decode.Beam{Width: 4, Best: 3, Length: 0.6}})
	if err != nil {
		t.Fatal(err)
	}
	got := s.predictions(`{"inputs":["15.5.39"],"beam":4}`)
	if len(s.models) != 1 || !strings.Contains(s.models[0].name, "+") || *got[0].Text != want[0][0].Text {
		t.Errorf("%d models, %s: %q, want %q", len(s.models), s.models[0].name, *got[0].Text, want[0][0].Text)
	}
	c := Defaults()
	c.Runs, c.Ensemble, c.Options = []string{dirs[0], trained(t, "squares")}, true, []run.Option{device}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "holds a classifier") {
		t.Errorf("other tasks: %v", err)
	}
}
