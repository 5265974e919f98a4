package main

import (
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/run"
)

// The flags that name data.

// classifyFlags name data of a classifier.
type classifyFlags struct {
	Table  string `placeholder:"FILE" help:"${use} this table: a text, a tab and its label a line, or CSV, plain or .gz."`
	Folder string `placeholder:"DIR" help:"${use} this folder: a file LABEL.txt for each label, with a text a line, or a folder LABEL with a file for each text."`
	IDX    string `name:"idx" placeholder:"DIR" help:"${use} the images of this folder, in files as MNIST and EMNIST have them; a row of an image is a step."`
	seriesData
}

// seriesData names series with a class or a number each.
type seriesData struct {
	Series string `placeholder:"FILE" help:"${use} the series of numbers in this file, with a label each: .ts (UEA), .tsv (UCR) or .csv, plain or .gz."`
}

// source is what the flag may name, without a path where it does not.
func (f *seriesData) source() run.Source {
	return run.Source{Kind: run.KindSeries, Paths: []string{f.Series}}
}

// sources are what the flags may name, without a path where they do not.
func (f *classifyFlags) sources() []run.Source {
	return []run.Source{
		{Kind: run.KindTable, Paths: []string{f.Table}}, {Kind: run.KindFolder, Paths: []string{f.Folder}}, {Kind: run.KindIDX, Paths: []string{f.IDX}},
		f.source(),
	}
}

// pairsFlags name pairs of texts.
type pairsFlags struct {
	Pairs string `placeholder:"FILE" help:"${use} these pairs: a source, a tab and its target a line, or CSV, or a test set of WMT in XML, plain or .gz."`
	Src   string `placeholder:"FILE" help:"${use} the lines of this file as sources, with --tgt; a test set of WMT is read, too."`
	Tgt   string `placeholder:"FILE" help:"The targets, line for line."`
}

// sources are what the flags may name, without a path where they do not.
func (f *pairsFlags) sources() []run.Source {
	return []run.Source{{Kind: run.KindPairs, Paths: []string{f.Pairs}},
		{Kind: run.KindParallel, Paths: []string{f.Src, f.Tgt}}}
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

// rowFlags say how tables and pairs are written, those to train on and those to measure on alike.
type rowFlags struct {
	Format  string   `group:"Data:" enum:"auto,tsv,csv" default:"auto" help:"How tables and pairs are written. tsv: with tabs between cells; csv: with commas, semicolons, tabs or bars, and cells that may be quoted. auto: csv if the file is called so."`
	Quoted  bool     `group:"Data:" help:"Cells with tabs between may be quoted, as spreadsheets write them."`
	Columns []string `group:"Data:" placeholder:"A,B" help:"The columns of text and label, or of source and target: names that the header has, or numbers from 1; what is both is a name. Default: those that the names of a header point to, or else 1,2.${columnsNote}"`
	Header  string   `group:"Data:" enum:"auto,yes,no" default:"auto" help:"Whether the first row of tables and pairs has the names of the columns. auto: if it looks so, which is said."`
	SkipBad bool     `group:"Data:" help:"Leave out lines that cannot be used, and examples with labels that the model does not have, and say how many, instead of stopping at the first or counting them as wrong."`
}

// format is what the flags ask for.
func (f *rowFlags) format() datasets.Format {
	auto := func(s string) string {
		if s == "auto" {
			return ""
		}
		return s
	}
	return datasets.Format{Kind: auto(f.Format), Quoted: f.Quoted, Columns: f.Columns, Header: auto(f.Header),
		SkipBad: f.SkipBad}
}

// exampleFlags say how the data of a classifier are written.
type exampleFlags struct {
	rowFlags  `embed:""`
	Labels    []string `group:"Data:" placeholder:"A,B" help:"Take these labels of a folder only."`
	Transpose bool     `group:"Data:" help:"The images are stored column by column, as those of EMNIST are."`
}

func (f *exampleFlags) format() datasets.Format {
	all := f.rowFlags.format()
	all.Labels, all.Transpose = f.Labels, f.Transpose
	return all
}

// setFormat writes into sources, any of which may be nil, what concerns each of what is asked for.
func setFormat(all datasets.Format, sources ...*run.Source) error {
	used := datasets.Format{SkipBad: all.SkipBad}
	for _, s := range sources {
		if s == nil {
			continue
		}
		s.Format = datasets.Format{SkipBad: all.SkipBad}
		switch s.Kind {
		case run.KindTable, run.KindPairs:
			s.Format = all
			s.Format.Labels, s.Format.Transpose = nil, false
			used.Kind, used.Quoted, used.Columns, used.Header = all.Kind, all.Quoted, all.Columns, all.Header
		case run.KindFolder:
			s.Format.Labels, used.Labels = all.Labels, all.Labels
		case run.KindIDX:
			s.Format.Transpose, used.Transpose = all.Transpose, all.Transpose
		}
	}
	switch {
	case used.Kind != all.Kind || used.Quoted != all.Quoted || used.Header != all.Header ||
		len(used.Columns) != len(all.Columns):
		return usage("--format, --quoted, --columns and --header are for data that --table or --pairs names, and there are " +
			"none: leave them out")
	case len(used.Labels) != len(all.Labels):
		return usage("--labels is for data that --folder names, and there are none: leave it out")
	case used.Transpose != all.Transpose:
		return usage("--transpose is for data that --idx names, and there are none: leave it out")
	}
	return nil
}

// holdOutFlags say how much of the data is for validation.
type holdOutFlags struct {
	HoldOut *float64 `group:"Data:" placeholder:"PART" help:"Use this part of the data for validation, drawn with --seed, and not for training. Default: 0.1."`
}

// into writes the flag into a config that has the data. It must not have others for validation, or a task that makes
// them.
func (f *holdOutFlags) into(d *run.Data) error {
	own := ""
	switch {
	case d.Held != nil:
		own = "--valid-" + d.Held.Kind
	case d.Train.Kind == run.KindTask:
		own = "--task"
	}
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

// normalFlags say which normal form texts are brought to.
type normalFlags struct {
	Normalize string `group:"Model:" enum:"none,nfc,nfkc" default:"none" help:"Normal form of Unicode that texts are brought to, then and later: ${enum}."`
}

// form is the setting of the flag.
func (f *normalFlags) form() string {
	if f.Normalize == "none" {
		return ""
	}
	return f.Normalize
}
