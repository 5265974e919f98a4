package configfile

import (
	"fmt"
	"strings"

	"github.com/pkg/errors"
	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/trainer/metrics"
)

// unknown says that there is no such key in a section, and which was probably meant.
func (r *reader) unknown(section string, name *yaml.Node) string {
	where := "there is no key " + name.Value
	if section != "" {
		where += " in " + section
	}
	var here, elsewhere []string
	for _, k := range keys {
		if path := strings.TrimPrefix(section+"."+leaf(k.path), "."); path == k.path {
			here = append(here, leaf(k.path))
		}
		if leaf(k.path) == name.Value && k.typ != nil {
			elsewhere = append(elsewhere, k.path[:max(0, strings.LastIndex(k.path, "."))])
		}
	}
	if len(elsewhere) > 0 {
		return fmt.Sprintf("%s: it belongs in %s", where, strings.Join(elsewhere, " or in "))
	}
	if close := nearest(name.Value, here); close != "" {
		return fmt.Sprintf("%s, did you mean %s?", where, close)
	}
	return fmt.Sprintf("%s: it has %s", where, strings.Join(here, ", "))
}

// nearest is the name that is most like one; "" if none is like it.
func nearest(name string, names []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, n := range names {
		d := metrics.Levenshtein([]rune(strings.ToLower(name)), []rune(n))
		if strings.HasPrefix(n, name) && len(name) > 2 {
			d = 0
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// unknownName is the error of a name that is not one of those that there are.
func unknownName(what, name string, names []string) error {
	if close := nearest(name, names); close != "" {
		return errors.Errorf("there is no %s %q, did you mean %s?", what, name, close)
	}
	return errors.Errorf("there is no %s %q: it must be one of %s", what, name, strings.Join(names, ", "))
}
