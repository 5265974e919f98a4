package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/trainer/run"
)

// runsCmd compares the runs in folders.
type runsCmd struct {
	Dirs    []string `arg:"" optional:"" default:"runs" name:"FOLDER" help:"Runs, or folders with runs in them. Default: runs."`
	By      string   `placeholder:"MEASURE" help:"Compare by this measure of the validations, such as loss, accuracy or bleu. Default: by that which chose the best checkpoint of each run."`
	Picture string   `placeholder:"FILE" help:"Draw the validations of all runs, as .svg or .png."`
	JSON    bool     `name:"json" help:"Write a JSON object a line for each run instead of a table."`
}

func (k *runsCmd) Run(a *app) error {
	if k.By != "" && !run.IsMeasure(k.By) {
		return usage("--by is %q: it must be %s", k.By, strings.Join(run.MeasureNames(), ", "))
	}
	accounts, skipped, err := run.ReadAccounts(k.Dirs)
	if err != nil {
		return err
	}
	a.say(skipped)
	groups := run.Compare(accounts, k.By)
	err = a.draw("picture", k.Picture, func(w io.Writer, format string) error { return run.DrawRuns(w, format, groups) })
	if err != nil {
		return err
	}
	if k.JSON {
		return report.RunsJSON(a.texts(), groups)
	}
	return report.Runs(a.prose(), groups)
}

// draw writes a picture into the file that a flag names, if it does, in the format that its name ends with.
func (a *app) draw(flag, path string, picture func(w io.Writer, format string) error, formats ...string) error {
	switch {
	case path == "":
		return nil
	case formats == nil:
		formats = []string{"svg", "png"}
	}
	for _, format := range formats {
		if !strings.EqualFold(filepath.Ext(path), "."+format) {
			continue
		}
		err := replace(flag, path, func(w io.Writer) error { return picture(w, format) })
		if err == nil {
			notice(a.stderr)("drawn: " + path)
		}
		return err
	}
	return usage("--%s is %q: its name must end with .%s", flag, path, strings.Join(formats, " or ."))
}
