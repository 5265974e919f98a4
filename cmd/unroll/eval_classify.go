package main

// measureClassifier measures a classifier on source, on the whole of valid, or, if both are nil, on what the run held out.
func (e *evalCmd) measureClassifier(a *app, r *trained, source, valid *sourceConfig) (*evaluated, error) {
	p, split, err := toMeasure(r, source, valid, readExamples)
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
	return v, v.time(func() (metrics, error) { return x.measure(m, never) })
}
