package configfile

import (
	"reflect"
	"strings"

	"github.com/unroll-ml/unroll/trainer/run"
)

// boundsOf asks a configuration's own check for the bounds of its numbers, by values that no number may have: so a
// comment says what is refused, and no more.
func boundsOf(c *run.Config) map[string]string {
	bounds := map[string]string{}
	for _, k := range keys {
		if k.typ == nil || k.typ.Kind() != reflect.Int && k.typ.Kind() != reflect.Float64 {
			continue
		}
		copied := deepCopy(reflect.ValueOf(*c)).Interface().(run.Config)
		x := field(reflect.ValueOf(&copied).Elem(), k.path)
		if !x.IsValid() { // the task does not have the section
			continue
		}
		if x.CanInt() {
			x.SetInt(-1)
		} else {
			x.SetFloat(-1)
		}
		if err := copied.Check(); err != nil {
			if said, ok := strings.CutPrefix(err.Error(), "`"+leaf(k.path)+"` is -1: it must be "); ok {
				bounds[k.path] = "Must be " + said + "."
			}
		}
	}
	return bounds
}

// field is the field of a configuration that has a path; the zero Value: a part on the way is not there.
func field(v reflect.Value, path string) reflect.Value {
	name, rest, deeper := strings.Cut(path, ".")
	for i := range v.NumField() {
		tag, how, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		x := v.Field(i)
		if x.Kind() == reflect.Pointer {
			x = x.Elem()
		}
		switch {
		case strings.Contains(how, "inline"):
			if in := field(x, path); in.IsValid() {
				return in
			}
		case tag != name:
		case !x.IsValid() || !deeper:
			return x
		default:
			return field(x, rest)
		}
	}
	return reflect.Value{}
}

// deepCopy is a copy of a struct with own copies of what its exported fields point to.
func deepCopy(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	for i := range v.NumField() {
		f := c.Field(i)
		if !f.CanSet() {
			continue
		}
		switch {
		case f.Kind() == reflect.Pointer && !f.IsNil() && f.Type().Elem().Kind() == reflect.Struct:
			p := reflect.New(f.Type().Elem())
			p.Elem().Set(deepCopy(f.Elem()))
			f.Set(p)
		case f.Kind() == reflect.Struct:
			f.Set(deepCopy(f))
		}
	}
	return c
}
