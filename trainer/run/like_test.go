package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
)

// What data to measure on do not say of their format is that of the training data of the same kind; what they
// say stays.
func TestSourceIsLikeTraining(t *testing.T) {
	wide := &series.Options{Layout: "wide"}
	trained := &Source{Kind: KindTable, Paths: []string{"train.csv"}, SHA256: "abc",
		Format: datasets.Format{Kind: "csv", Columns: []string{"text", "label"}, Header: "yes", Transpose: true},
		Series: wide}
	for name, c := range map[string]struct{ given, want *Source }{
		"nothing": {},
		"all": {
			&Source{Kind: KindTable, Paths: []string{"a"}},
			&Source{Kind: KindTable, Paths: []string{"a"}, Format: trained.Format, Series: wide},
		},
		"another kind": {&Source{Kind: KindFolder, Paths: []string{"a"}}, &Source{Kind: KindFolder, Paths: []string{"a"}}},
		"a format of their own": {
			&Source{Kind: KindTable, Format: datasets.Format{Quoted: true, Columns: []string{"2", "1"}, Header: "no"}},
			&Source{Kind: KindTable, Series: wide,
				Format: datasets.Format{Quoted: true, Columns: []string{"2", "1"}, Header: "no", Transpose: true}},
		},
	} {
		before := Source{}
		if c.given != nil {
			before = *c.given
		}
		if diff := cmp.Diff(c.want, c.given.like(trained)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if c.given != nil && !cmp.Equal(before, *c.given) {
			t.Errorf("%s: the source of the caller has changed", name)
		}
	}
}
