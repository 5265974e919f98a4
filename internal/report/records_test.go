package report

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/unroll-ml/unroll/trainer/run"
)

// fillNaN makes every number with a fraction NaN, but times, which cannot be.
func fillNaN(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Seconds" {
				fillNaN(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillNaN(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillNaN(v.Index(0))
	case reflect.Float64, reflect.Float32:
		v.SetFloat(math.NaN())
	}
}

// Whatever is written as JSON can be written when its numbers have ended: that is when it is wanted most.
func TestRecordsOfNaN(t *testing.T) {
	for _, record := range []any{&run.StepRecord{}, &run.ValidRecord{}, &run.EndRecord{}, &evalRecord{}} {
		v := reflect.ValueOf(record).Elem()
		fillNaN(v)
		if _, err := json.Marshal(record); err != nil {
			t.Errorf("%s: %v", v.Type(), err)
		}
	}
}
