package serve

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/trainer/run"
)

// schema is a part of a description in OpenAPI 3.1.
type schema = map[string]any

// openAPI answers GET /openapi.json. The description is made of the routes and of the structs that they read and write.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.description())
}

func (s *Server) description() schema {
	parts := schema{}
	paths := schema{}
	for _, r := range s.routes() {
		at, ok := paths[r.path].(schema)
		if !ok {
			at = schema{}
			paths[r.path] = at
		}
		at[strings.ToLower(r.method)] = s.operation(&r, parts)
	}
	parts["seriesInput"] = structSchema(reflect.TypeFor[seriesInput](), parts)
	d := schema{
		"openapi": "3.1.0",
		"info": schema{"title": "unroll serve", "version": "1", "description": "Trained sequence models over HTTP. Numbers " +
			"that are not finite are the texts NaN, Infinity and -Infinity. Every error is an object with one sentence, error."},
		"paths": paths, "components": schema{"schemas": parts},
	}
	if s.config.Token != "" {
		d["components"].(schema)["securitySchemes"] = schema{"token": schema{"type": "http", "scheme": "bearer"}}
	}
	return d
}

// operation describes a route.
func (s *Server) operation(r *route, parts schema) schema {
	op := schema{"summary": r.doc}
	if s.config.Token != "" && !r.open {
		op["security"] = []schema{{"token": []string{}}}
	}
	if strings.Contains(r.path, "{model}") {
		op["parameters"] = []schema{{"name": "model", "in": "path", "required": true, "schema": schema{"type": "string"}}}
	}
	if r.body != nil {
		op["requestBody"] = schema{"required": true,
			"content": schema{"application/json": schema{"schema": reference(reflect.TypeOf(r.body), parts)}}}
	}
	content := schema{}
	switch {
	case r.answer != nil:
		content["application/json"] = schema{"schema": reference(reflect.TypeOf(r.answer), parts)}
	default:
		content[r.media] = schema{}
	}
	if r.events != nil {
		var lines []string
		var kinds []schema
		for _, name := range slices.Sorted(maps.Keys(r.events)) {
			kind := reference(reflect.TypeOf(r.events[name]), parts)
			lines, kinds = append(lines, name), append(kinds, kind)
		}
		content[eventStream] = schema{"schema": schema{"anyOf": kinds,
			"description": "Server-sent events, of which data is JSON; the events are " + strings.Join(lines, ", ") + "."}}
	}
	wrong := schema{"description": "An error.",
		"content": schema{"application/json": schema{"schema": reference(reflect.TypeFor[failure](), parts)}}}
	op["responses"] = schema{"200": schema{"description": "The answer.", "content": content}, "default": wrong}
	return op
}

// reference names the schema of a struct, which is put among the parts.
func reference(t reflect.Type, parts schema) schema {
	if _, ok := parts[t.Name()]; !ok {
		parts[t.Name()] = schema{} // for structs that have themselves
		parts[t.Name()] = structSchema(t, parts)
	}
	return schema{"$ref": "#/components/schemas/" + t.Name()}
}

// structSchema describes a struct, as JSON has it.
func structSchema(t reflect.Type, parts schema) schema {
	fields, required := schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, ok := jsonName(f)
		if !ok {
			continue
		}
		of := typeSchema(f.Type, parts)
		if doc := f.Tag.Get("doc"); doc != "" {
			of["description"] = doc
		}
		if tasks := f.Tag.Get("for"); tasks != "" {
			of["description"] = f.Tag.Get("doc") + " For: " + strings.ReplaceAll(tasks, ",", ", ") + "."
		}
		for tag, key := range map[string]string{"min": "minimum", "max": "maximum"} {
			if bound := f.Tag.Get(tag); bound != "" {
				of[key] = json.Number(bound)
			}
		}
		fields[name] = of
		if !strings.Contains(f.Tag.Get("json"), ",omitempty") {
			required = append(required, name)
		}
	}
	return schema{"type": "object", "properties": fields, "required": required, "additionalProperties": false}
}

// typeSchema describes a type, as JSON has it.
func typeSchema(t reflect.Type, parts schema) schema {
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		return schema{}
	case reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case reflect.TypeFor[run.Float]():
		return schema{"type": []string{"number", "string"}}
	case reflect.TypeFor[numbers]():
		number := schema{"type": []string{"number", "null"}}
		return schema{"type": "array", "items": schema{"anyOf": []schema{number, {"type": "array", "items": number}}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem(), parts)
	case reflect.Slice:
		return schema{"type": "array", "items": typeSchema(t.Elem(), parts)}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return schema{"type": "integer"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return schema{"type": "string"}
	}
	return reference(t, parts)
}
