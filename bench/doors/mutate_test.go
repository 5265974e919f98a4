package doors

import (
	"fmt"
	"math"
	"reflect"

	"github.com/unroll-ml/unroll/graph/op"
)

// variant is a list of arguments of which one thing is wrong, or at least unusual.
type variant struct {
	what string
	args []reflect.Value
}

// variants are the arguments of a call of a function of type f with one of them changed, in every way that its type
// allows. A builder that is nil has no place for an error: only where there is another way to give one it is tried.
func variants(args []any, f reflect.Type) []variant {
	values := make([]reflect.Value, len(args))
	givesError := f.NumOut() > 0 && f.Out(f.NumOut()-1) == reflect.TypeFor[error]()
	for i, a := range args {
		values[i] = reflect.New(f.In(i)).Elem()
		if a != nil {
			values[i].Set(reflect.ValueOf(a))
		}
	}
	var all []variant
	for i, v := range values {
		if v.Type() == reflect.TypeFor[*op.Builder]() && !givesError {
			continue
		}
		for _, c := range changes(v, 0) {
			changed := append([]reflect.Value{}, values...)
			changed[i] = c.value
			all = append(all, variant{fmt.Sprintf("argument %d: %s", i, c.what), changed})
		}
	}
	return all
}

// change is a value made of another.
type change struct {
	what  string
	value reflect.Value
}

// deepest is how far changes follow the fields of structs.
const deepest = 4

// changes are the values that v can become. What v points to stays as it is: only structs are copied.
func changes(v reflect.Value, depth int) []change {
	var all []change
	add := func(what string, value any) {
		all = append(all, change{what, reflect.ValueOf(value).Convert(v.Type())})
	}
	zero := func(what string) { all = append(all, change{what, reflect.Zero(v.Type())}) }
	switch v.Kind() {
	case reflect.Bool:
		add("turned round", !v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		for _, x := range []int64{0, -1, v.Int() + 1} {
			add(fmt.Sprint(x), x)
		}
	case reflect.Float32, reflect.Float64:
		for _, x := range []float64{0, -1, 2, math.NaN()} {
			add(fmt.Sprint(x), x)
		}
	case reflect.String:
		for _, s := range []string{"", "nope"} {
			add(fmt.Sprintf("%q", s), s)
		}
	case reflect.Pointer, reflect.Func, reflect.Map:
		zero("nil")
	case reflect.Slice:
		zero("nil")
		all = append(all, sliceChanges(v, depth)...)
	case reflect.Interface:
		zero("nil")
		if !v.IsNil() && v.Elem().Kind() != reflect.Pointer {
			for _, c := range changes(v.Elem(), depth) {
				if c.value.Type().Implements(v.Type()) {
					all = append(all, change{c.what, c.value.Convert(v.Type())})
				}
			}
		}
	case reflect.Struct:
		zero("zero")
		all = append(all, fieldChanges(v, depth)...)
	}
	return all
}

// sliceChanges are slices of other lengths, and with another first element.
func sliceChanges(v reflect.Value, depth int) []change {
	all := []change{{"empty", reflect.MakeSlice(v.Type(), 0, 0)}}
	if v.Len() == 0 {
		return append(all, change{"of one zero", reflect.MakeSlice(v.Type(), 1, 1)})
	}
	all = append(all, change{"too short", v.Slice(0, v.Len()-1)}, change{"too long", reflect.Append(v, v.Index(0))})
	for _, c := range changes(v.Index(0), depth+1) {
		changed := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
		changed.Index(0).Set(c.value)
		all = append(all, change{"[0] " + c.what, changed})
	}
	if v.Type().Elem().Kind() == reflect.Int32 {
		changed := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
		changed.Index(0).SetInt(1 << 30)
		all = append(all, change{"[0] huge", changed})
	}
	return all
}

// fieldChanges are structs of which one exported field is another.
func fieldChanges(v reflect.Value, depth int) []change {
	if depth >= deepest {
		return nil
	}
	var all []change
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		for _, c := range changes(v.Field(i), depth+1) {
			changed := reflect.New(v.Type()).Elem()
			changed.Set(v)
			changed.Field(i).Set(c.value)
			all = append(all, change{f.Name + " " + c.what, changed})
		}
	}
	return all
}
