package run

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// raw are examples or pairs before they are encoded; P are some of them.
type raw[P any] interface {
	origin() (name, sha256 string)
	toMeasure() P
	divide(c *Config) (train, valid P, err error)
}

// toEvaluate reads what is measured, and says which split that is.
func toEvaluate[R raw[P], P any](
	r *Run, e EvalConfig, read func(name string, s *Source) (R, error),
) (some P, split string, err error) {
	source, name := e.Data, ""
	d, own := &r.config.Data, source == nil
	switch {
	case own:
		if source = d.Held; source == nil {
			source = d.Train
		}
		name = filepath.Join(r.dir, ConfigName)
		if err := cmp.Or(source.notOwn(r.dir), readAgain(r.dir, source.Paths...)); err != nil {
			return some, "", err
		}
	case e.Whole:
		name = "`valid_" + source.Kind + "`"
	default:
		name = "`" + source.Kind + "`"
	}
	x, err := read(name, source)
	var input *InputError
	switch {
	case err != nil && own && errors.As(err, &input):
		return some, "", &InputError{input.Name, input.What + fmt.Sprintf(", or name data with `%s`", source.Kind)}
	case err != nil:
		return some, "", err
	case e.Whole:
		return x.toMeasure(), SplitAll, nil
	}
	origin, sha256 := x.origin()
	switch {
	case own && sha256 != source.SHA256:
		return some, "", changed(origin, sha256, source, name)
	case d.Held == nil && sha256 == d.Train.SHA256:
		_, valid, err := x.divide(r.config)
		return valid, SplitValidation, err
	case d.Held != nil && sha256 == d.Held.SHA256:
		if d.Held.Kind == KindIDX {
			err = d.checkReading()
		}
		return x.toMeasure(), SplitValidation, err
	}
	return x.toMeasure(), SplitAll, nil
}

// changed says that data of a run are not what they were; what names the run's configuration.
func changed(name, sha256 string, source *Source, what string) error {
	if source.Kind == KindTask {
		return badData("%s: the run was trained on the task %s of another version of unroll: use that one, or name "+
			"pairs with `pairs`", what, source.Paths[0])
	}
	return badData("%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, or "+
		"measure on all of it with `valid_%s`", name, sha256, source.SHA256, what, source.Kind)
}

// whichPart says in words what is measured.
func whichPart(name, split string, c *Config) string {
	name = strings.TrimSuffix(name, ", validation") // of a generated task
	switch {
	case split == SplitAll:
		return "all of " + name
	case c.Data.Held != nil || c.Data.ValidSHA256 != "":
		return name + ", the validation data of the run"
	}
	return "the validation part of " + name
}
