package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// maxDepth is how deep arrays and objects of a request may lie in each other: a request needs four levels.
const maxDepth = 8

// decodeStrict reads one JSON value into v, a pointer to a struct, and gives the names of the outermost object. What
// encoding/json lets pass is an error: names that are there twice or are spelled in other letters, bytes that are not
// UTF-8, what follows the value. names are the fields that may occur, at any depth.
func decodeStrict(data []byte, v any, names map[string]bool) (given []string, err error) {
	if !utf8.Valid(data) {
		return nil, wrong("the body is not UTF-8")
	}
	if given, err = scan(data, names); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return given, jsonWords(dec.Decode(v))
}

// object is an object, or an array, that is being scanned.
type object struct {
	isArray bool
	names   map[string]bool // that it has so far
	value   bool            // a value is next, not a name
}

// scan walks over one JSON value.
func scan(data []byte, names map[string]bool) (given []string, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var open []*object
	for {
		token, err := dec.Token()
		if err == io.EOF && len(open) == 0 {
			return nil, wrong("the body is empty: it must be a JSON object")
		}
		if err != nil {
			return nil, jsonWords(err)
		}
		var top *object
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		delim, _ := token.(json.Delim)
		switch {
		case delim == '}' || delim == ']':
			open = open[:len(open)-1]
		case top != nil && !top.isArray && !top.value:
			name := token.(string)
			if err := top.add(name, names); err != nil {
				return nil, err
			}
			if len(open) == 1 {
				given = append(given, name)
			}
			continue
		case delim == 0 && top == nil:
			return nil, wrong("the body is not a JSON object")
		case delim != 0:
			if len(open) == maxDepth {
				return nil, wrong("the body is nested deeper than %d levels", maxDepth)
			}
			open = append(open, &object{isArray: delim == '[', names: map[string]bool{}})
		}
		if top != nil {
			top.value = false
		}
		if len(open) == 0 {
			return given, trailing(dec)
		}
	}
}

// add takes up a name.
func (o *object) add(name string, names map[string]bool) error {
	switch {
	case o.names[name]:
		return wrong("%q is there twice", name)
	case !names[name]:
		return wrong("unknown field %q", name)
	}
	o.names[name], o.value = true, true
	return nil
}

// trailing says that something follows the value.
func trailing(dec *json.Decoder) error {
	if _, err := dec.Token(); err != io.EOF {
		return wrong("something follows the JSON object")
	}
	return nil
}

// jsonWords is an error of encoding/json in plain words.
func jsonWords(err error) error {
	var (
		kind   *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.Field == "":
		return wrong("the body must be a JSON object, it is %s", article(kind.Value))
	case errors.As(err, &kind):
		return wrong("%q must be %s, it is %s", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:], typeWords(kind.Type),
			article(kind.Value))
	case errors.As(err, &syntax):
		return wrong("not JSON: %v (byte %d)", syntax, syntax.Offset)
	case err == io.ErrUnexpectedEOF || err == io.EOF:
		return wrong("not JSON: the body ends in the middle")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return wrong("%s does not belong there", strings.TrimPrefix(err.Error(), "json: unknown field "))
	}
	return wrong("not JSON: %v", err)
}

func article(value string) string {
	if kind, number, ok := strings.Cut(value, " "); ok && kind == "number" {
		return number
	}
	if value == "array" || value == "object" {
		return "an " + value
	}
	return "a " + value
}

// typeWords says what JSON a field must have.
func typeWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeWords(t.Elem())
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number, not below 0"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text in quotes"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// fieldNames are the names that JSON has for the fields of structs.
func fieldNames(structs ...any) map[string]bool {
	names := map[string]bool{}
	for _, x := range structs {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(x)) {
			if name, ok := jsonName(f); ok {
				names[name] = true
			}
		}
	}
	return names
}

// jsonName is what JSON calls a field; false for one that is not there.
func jsonName(f reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, name != "" && name != "-"
}

// A callError is what a caller did wrong, or must wait for, with the status of the answer.
type callError struct {
	status int
	what   string
}

func (e *callError) Error() string { return e.what }

// wrong says what is wrong with a request.
func wrong(format string, args ...any) error { return &callError{400, fmt.Sprintf(format, args...)} }
