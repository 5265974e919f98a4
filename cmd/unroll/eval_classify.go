package main

import "path/filepath"

// measureClassifier measures a classifier on source, on the whole of valid, or, if both are nil, on what the run held out.
func (e *evalCmd) measureClassifier(a *app, r *trained, source, valid *sourceConfig) (*evaluated, error) {
	p, split, err := examplesToMeasure(r, source, valid)
	if err != nil {
		return nil, err
	}
	x, err := p.ready(r.config, r.vocab, r.labels)
	if err != nil {
		return nil, err
	}
	m, at, err := e.classifier(a, r)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	v := &evaluated{name: p.name, split: split, what: whichPart(p.name, split, r.config), unit: "example", count: "examples", at: at}
	return v, v.time(func() (metrics, error) { return x.measure(m) })
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

// examplesToMeasure reads the examples, and says which part of the data they are.
func examplesToMeasure(r *trained, source, valid *sourceConfig) (part, string, error) {
	d := &r.config.Data
	if valid != nil {
		x, err := readExamples("--valid-"+valid.Kind, valid)
		if err != nil {
			return part{}, "", err
		}
		return all(x), splitAll, nil
	}
	own := source == nil
	what := filepath.Join(r.dir, configName)
	if own {
		if source = d.Held; source == nil {
			source = d.Train
		}
	} else {
		what = "--" + source.Kind
	}
	x, err := readExamples(what, source)
	switch {
	case err != nil && own && exitCode(err) == exitNoInput:
		return part{}, "", fail(exitNoInput, "%v, or name data with --%s", err, source.Kind)
	case err != nil:
		return part{}, "", err
	case own && x.sha256 != source.SHA256:
		return part{}, "", changed(x.name, x.sha256, source, what)
	case d.Held == nil && x.sha256 == d.Train.SHA256:
		_, held, err := x.divide(r.config)
		return held, splitHeldOut, err
	case d.Held != nil && x.sha256 == d.Held.SHA256:
		return all(x), splitHeldOut, nil
	}
	return all(x), splitAll, nil
}

func changed(name, sha256 string, source *sourceConfig, what string) error {
	return fail(exitData, "%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, or measure on all of it with --valid-%s", name, sha256, source.SHA256, what, source.Kind)
}
