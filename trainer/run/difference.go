package run

import (
	"fmt"
	"slices"
	"strings"
)

// repeats says whether a run with config d would take the same steps as c, and if not, the first setting that
// differs. How long to train, how often to save and what to run on may differ.
func (c Config) repeats(d Config) (difference string, same bool) {
	for _, x := range []*Config{&c, &d} {
		x.Data.Text, x.Data.Valid = "", "" // the same data may lie elsewhere
		x.Data.Train, x.Data.Held = x.Data.Train.withoutPaths(), x.Data.Held.withoutPaths()
		x.Training.Steps, x.Training.Epochs, x.Training.Minutes = 0, 0, 0
		x.Training.CheckpointEvery, x.Training.Patience, x.Training.MaxSkipped = 0, 0, 0
		x.Vectors, x.TargetVectors = x.Vectors.withoutPath(), x.TargetVectors.withoutPath()
		x.Running = Running{}
		if x.From != nil { // that run may lie elsewhere
			x.From = &Origin{Weights: x.From.Weights}
		}
		x.Model.Lengths = nil // that of the same data, but early versions did not note it
	}
	// What follows from the data, or from other settings, says least.
	there, here := c, d
	for _, x := range []*Config{&there, &here} {
		x.Data.forget()
		x.Vectors, x.TargetVectors = x.Vectors.meant(), x.TargetVectors.meant()
		x.Model.Vocab, x.Model.VocabSHA256, x.Model.TargetVocab, x.Model.TargetSHA256 = 0, "", 0, ""
		x.Model.Classes, x.Model.LabelsSHA256 = 0, ""
		x.Model.Cutoffs, x.Model.Samples = nil, 0
		x.Model.Tag = x.Model.Tag.withoutData()
	}
	if x := there.differs(&here); x != nil {
		return x.words(), false
	}
	if x := c.differs(&d); x != nil {
		return x.words(), false
	}
	return "", true
}

// forget removes what tells data from others.
func (d *Data) forget() {
	d.TextSHA256, d.ValidSHA256 = "", ""
	for _, s := range []**Source{&d.Train, &d.Held} {
		if *s != nil {
			*s = &Source{Kind: (*s).Kind, Format: (*s).Format, Series: (*s).Series}
		}
	}
}

// difference is a setting that two configs have differently: its key, and its lines; "" where there is none.
type difference struct{ key, there, here string }

// differs is the first setting that is not the same in both; nil if there is none.
func (c *Config) differs(d *Config) *difference {
	a, b := strings.Split(string(c.Encode()), "\n"), strings.Split(string(d.Encode()), "\n")
	for i := range min(len(a), len(b)) { // the same order of settings, a line each
		if a[i] == b[i] {
			continue
		}
		x := &difference{there: strings.TrimSpace(a[i]), here: strings.TrimSpace(b[i])}
		key, _, _ := strings.Cut(a[i], ":")
		x.key = strings.TrimSpace(key)
		other, _, _ := strings.Cut(b[i], ":")
		switch {
		case key == other:
		// b has a setting more
		case slices.ContainsFunc(b[i:], func(line string) bool { return strings.HasPrefix(line, key+":") }):
			x.there = ""
		default:
			x.here = ""
		}
		return x
	}
	return nil
}

func (x *difference) words() string {
	value := func(line string) string { return strings.TrimPrefix(line, x.key+": ") }
	switch {
	case strings.HasPrefix(x.here, "reading:") || strings.HasPrefix(x.there, "reading:"):
		return "made by another version, which read and divided data by other rules"
	case x.there == "":
		return x.here + " here, not there"
	case x.here == "":
		return x.there + " there, not here"
	case strings.HasSuffix(x.key, "sha256"):
		return fmt.Sprintf("other data, or data that have changed: sha256 %.12s there, %.12s here", value(x.there),
			value(x.here))
	}
	return fmt.Sprintf("%s there, %s here", x.there, x.here)
}
