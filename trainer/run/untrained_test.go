package run

import (
	"context"
	"path/filepath"
	"testing"
)

// alone is a task that can measure its model alone.
type alone struct{ *counter }

func (alone) measure(context.Context) (Metrics, error) { return Metrics{Loss: 7}, nil }

// firstValid notes the first validation that is reported.
type firstValid struct {
	silent
	first *ValidRecord
}

func (f *firstValid) Valid(r ValidRecord) {
	if f.first == nil {
		f.first = &r
	}
}

// Before the first step the model alone is measured, where a task can do that; after it, all that validation is.
func TestUntrainedModelAlone(t *testing.T) {
	task := alone{newCounter(4)}
	var report firstValid
	if _, err := Train(context.Background(), filepath.Join(t.TempDir(), "run"), task, Options{Report: &report}); err != nil {
		t.Fatal(err)
	}
	if report.first == nil || report.first.Step != 0 || report.first.Loss != 7 || task.validated != 1 {
		t.Errorf("first %+v, and %d validations with all", report.first, task.validated)
	}
}
