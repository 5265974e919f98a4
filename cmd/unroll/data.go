package main

import "github.com/unroll-ml/unroll/trainer/run"

// The flags that name data.

// classifyFlags name data of a classifier.
type classifyFlags struct {
	Table  string `placeholder:"FILE" help:"${use} this table: a text, a tab and its label a line, plain or .gz."`
	Folder string `placeholder:"DIR" help:"${use} this folder: a file LABEL.txt for each label, with a text a line."`
	IDX    string `name:"idx" placeholder:"DIR" help:"${use} the images of this folder, in files as MNIST has them; a row of an image is a step."`
}

// sources are what the flags may name, without a path where they do not.
func (f *classifyFlags) sources() []run.Source {
	return []run.Source{
		{Kind: run.KindTable, Paths: []string{f.Table}}, {Kind: run.KindFolder, Paths: []string{f.Folder}}, {Kind: run.KindIDX, Paths: []string{f.IDX}},
	}
}

// pairsFlags name pairs of texts.
type pairsFlags struct {
	Pairs string `placeholder:"FILE" help:"${use} these pairs: a source, a tab and its target a line, plain or .gz."`
	Src   string `placeholder:"FILE" help:"${use} the lines of this file as sources, with --tgt."`
	Tgt   string `placeholder:"FILE" help:"The targets, line for line."`
}

// sources are what the flags may name, without a path where they do not.
func (f *pairsFlags) sources() []run.Source {
	return []run.Source{{Kind: run.KindPairs, Paths: []string{f.Pairs}}, {Kind: run.KindParallel, Paths: []string{f.Src, f.Tgt}}}
}

func (f *pairsFlags) incomplete() bool { return (f.Src == "") != (f.Tgt == "") }

// oneSource is the one whose first path is given; nil if none is. prefix is that of the flags.
func oneSource(prefix string, sources ...run.Source) (*run.Source, error) {
	var found *run.Source
	for _, s := range sources {
		if s.Paths[0] == "" {
			continue
		}
		if found != nil {
			return nil, usage("--%s%s and --%s%s both name data: leave one of them out", prefix, found.Kind, prefix, s.Kind)
		}
		found = &s
	}
	return found, nil
}

// skipFlags say what becomes of lines that cannot be used.
type skipFlags struct {
	SkipBad bool `group:"Data:" help:"Leave out lines that cannot be used, and say how many, instead of stopping at the first."`
}

// mark notes in sources, any of which may be nil, what is wanted of their lines.
func (f *skipFlags) mark(sources ...*run.Source) {
	for _, s := range sources {
		if s != nil {
			s.SkipBad = f.SkipBad
		}
	}
}

// holdOutFlags say how much is held out.
type holdOutFlags struct {
	HoldOut *float64 `group:"Data:" placeholder:"PART" help:"Hold out this part of the data to measure on, drawn with --seed. Default: 0.1."`
}

// into writes the flag into a config; own says what stands against it: a flag that names other data to measure on, or a task.
func (f *holdOutFlags) into(d *run.Data, own string) error {
	switch {
	case f.HoldOut == nil:
		return nil
	case !(*f.HoldOut > 0 && *f.HoldOut < 1):
		return usage("--hold-out is %g: it must be larger than 0 and less than 1", *f.HoldOut)
	case own != "":
		return usage("--hold-out and %s both say what is measured on: leave one of them out", own)
	}
	d.HoldOut = *f.HoldOut
	return nil
}
