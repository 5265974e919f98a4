package main

import "path/filepath"

// raw are examples or pairs before they are encoded; P are some of them.
type raw[P any] interface {
	origin() (name, sha256 string)
	all() P
	divide(c *config) (train, held P, err error)
}

// toMeasure reads what eval measures on, and says which split that is: the whole of valid; else source, or its held-out part if the run
// was trained on it; if both are nil, what the run held out.
func toMeasure[R raw[P], P any](r *trained, source, valid *sourceConfig, read func(what string, s *sourceConfig) (R, error)) (some P, split string, err error) {
	if valid != nil {
		x, err := read("--valid-"+valid.Kind, valid)
		if err != nil {
			return some, "", err
		}
		return x.all(), splitAll, nil
	}
	d, own := &r.config.Data, source == nil
	what := filepath.Join(r.dir, configName)
	if own {
		if source = d.Held; source == nil {
			source = d.Train
		}
	} else {
		what = "--" + source.Kind
	}
	x, err := read(what, source)
	switch {
	case err != nil && own && exitCode(err) == exitNoInput:
		return some, "", fail(exitNoInput, "%v, or name data with --%s", err, source.Kind)
	case err != nil:
		return some, "", err
	}
	name, sha256 := x.origin()
	switch {
	case own && sha256 != source.SHA256:
		return some, "", changed(name, sha256, source, what)
	case d.Held == nil && sha256 == d.Train.SHA256:
		_, held, err := x.divide(r.config)
		return held, splitHeldOut, err
	case d.Held != nil && sha256 == d.Held.SHA256:
		return x.all(), splitHeldOut, nil
	}
	return x.all(), splitAll, nil
}

// changed says that data of a run are not what they were; what names the run's configuration.
func changed(name, sha256 string, source *sourceConfig, what string) error {
	if source.Kind == kindTask {
		return fail(exitData, "%s: the run was trained on the task %s of another version of unroll: use that one, or name pairs with --pairs", what, source.Paths[0])
	}
	return fail(exitData, "%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, or measure on all of it with --valid-%s", name, sha256, source.SHA256, what, source.Kind)
}

// whichPart says in words what is measured.
func whichPart(name, split string, c *config) string {
	switch {
	case split == splitAll:
		return "all of " + name
	case c.Data.Held != nil:
		return name + ", which training held out"
	}
	return "the part of " + name + " that training held out"
}
