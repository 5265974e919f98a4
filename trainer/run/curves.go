package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/words"
)

// CurvesName is the name, without its end, of the pictures of a training in the folder of its run, SVG and PNG.
const CurvesName = "curves"

// curveFiles are the pictures.
var curveFiles = []string{CurvesName + "." + plots.SVG, CurvesName + "." + plots.PNG}

// How often the pictures are drawn again: not before so long after the last time, and not before so many times as
// long as drawing takes, so that it never takes more than a fiftieth of the time.
const (
	drawPause = 3 * time.Second
	drawShare = 50
)

// curves is what is drawn of a training.
type curves struct {
	loss, valid, norm, rate plots.Curve
	measures                map[string]*plots.Curve // by the name of namedMeasure

	drawn  time.Time
	took   time.Duration
	failed bool // once is enough to be told
}

// add adds a record of the log.
func (c *curves) add(record any) {
	switch r := record.(type) {
	case StepRecord:
		step := float64(r.Step)
		c.loss.Add(step, float64(r.Loss))
		c.norm.Add(step, float64(r.GradNorm))
		c.rate.Add(step, float64(r.LR))
	case ValidRecord:
		step := float64(r.Step)
		c.valid.Add(step, float64(r.Loss))
		for _, m := range r.named() {
			if m.value == nil {
				continue
			}
			if c.measures[m.name] == nil {
				c.measures[m.name] = &plots.Curve{}
			}
			c.measures[m.name].Add(step, float64(*m.value)*shownMeasures[m.name].scale)
		}
	}
}

// read adds what a log has, of which lines that this version does not know are left out.
func (c *curves) read(path string) error {
	f := runlog.Follow(path)
	for {
		entries, _, err := f.Next()
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			switch e.Event {
			case "step":
				var r StepRecord
				if json.Unmarshal(e.Line, &r) == nil {
					c.add(r)
				}
			case "valid":
				var r ValidRecord
				if json.Unmarshal(e.Line, &r) == nil {
					c.add(r)
				}
			}
		}
	}
}

// shownMeasures say how measures are drawn: in which panel, under which name, and times what.
var shownMeasures = map[string]struct {
	panel, words string
	scale        float64
}{
	"perplexity":       {"perplexity", "perplexity", 1},
	"bits_per_token":   {"", "", 1}, // the loss in another unit
	"accuracy":         {percent, "accuracy", 100},
	"top2":             {"", "", 1}, // not what a model is trained for
	"known_accuracy":   {percent, "of known words", 100},
	"unknown_accuracy": {percent, "of unknown words", 100},
	"macro_f1":         {percent, "macro F1", 100},
	"span_f1":          {percent, "F1 of spans", 100},
	"exact_match":      {percent, "exactly right", 100},
	"char_error_rate":  {percent, "character errors", 100},
	"bleu":             {"BLEU and chrF, 0 to 100", "BLEU", 1},
	"chrf":             {"BLEU and chrF, 0 to 100", "chrF", 1},
	"rmse":             {"errors, in the units of the data", "RMSE", 1},
	"mae":              {"errors, in the units of the data", "MAE", 1},
	"r2":               {"R², 1 at most", "R²", 1},
	"owa":              {"errors, simple forecasts about 1", "OWA", 1},
	"mase":             {"errors, simple forecasts about 1", "MASE", 1},
	"smape":            {"sMAPE, %", "sMAPE", 1},
	"quantile_loss":    {"quantile loss, weighted", "quantile loss", 1},
}

const percent = "of the validation data, %"

// picture is what is drawn now.
func (c *curves) picture(config *Config, title string, best int) *plots.Curves {
	p := &plots.Curves{Title: title, Best: float64(best)}
	p.Panels = []plots.Panel{{Title: kindOf(config.Task).loss(config), Log: true, Lines: []plots.Line{
		{Name: "training", Curve: &c.loss}, {Name: "validation", Curve: &c.valid},
	}}}
	at := map[string]int{} // of panels
	for _, m := range (&Measures{}).named() {
		curve, shown := c.measures[m.name], shownMeasures[m.name]
		if curve == nil || shown.panel == "" {
			continue
		}
		if _, there := at[shown.panel]; !there {
			at[shown.panel] = len(p.Panels)
			p.Panels = append(p.Panels, plots.Panel{Title: shown.panel, Log: true})
		}
		panel := &p.Panels[at[shown.panel]]
		panel.Lines = append(panel.Lines, plots.Line{Name: shown.words, Curve: curve})
	}
	for i := range p.Panels { // a line alone needs no name beside it, but says what it is
		if panel := &p.Panels[i]; panel.Title == percent && len(panel.Lines) == 1 {
			panel.Title = panel.Lines[0].Name + " " + percent
		}
	}
	p.Panels = append(p.Panels,
		plots.Panel{Title: "gradient norm, before clipping", Log: true,
			Lines: []plots.Line{{Name: "gradient norm", Curve: &c.norm}}},
		plots.Panel{Title: "learning rate", Lines: []plots.Line{{Name: "learning rate", Curve: &c.rate}}})
	return p
}

// draw draws the curves into the folder of the run, unless that was just done; always, if it must. That it cannot be
// done is no reason to end a training: it is said once.
func (r *training) draw(must bool) {
	if r.follows() {
		return
	}
	c := r.curves
	if !must && time.Since(c.drawn) < max(drawPause, drawShare*c.took) {
		return
	}
	begin := time.Now()
	err := c.write(r)
	c.drawn, c.took = time.Now(), time.Since(begin)
	if err != nil && !c.failed {
		c.failed = true
		r.Report.Notice(fmt.Sprintf("the curves are not drawn, and the training goes on: %v", err))
	}
}

func (c *curves) write(r *training) error {
	if c.loss.Len() == 0 && c.valid.Len() == 0 {
		return nil
	}
	title := fmt.Sprintf("%s: %s", words.Clip(r.folder.dir, 60), TaskName(r.config.Task))
	if r.at.BestLoss != nil {
		title += ", best after step " + words.Thousands(r.at.BestStep)
	}
	p := c.picture(r.config, title, r.at.BestStep)
	for i, format := range plots.Formats {
		var b bytes.Buffer
		if err := p.Write(&b, format); err != nil {
			return err
		}
		if err := r.folder.checkpoints().WriteFile(curveFiles[i], b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
