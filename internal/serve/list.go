package serve

import (
	"net/http"

	"github.com/unroll-ml/unroll/trainer/run"
)

// modelList is the body of an answer of /v1/models.
type modelList struct {
	Models []modelInfo `json:"models" doc:"The models that are served."`
}

// modelInfo says what there is to know of a model before it is asked.
type modelInfo struct {
	Name       string   `json:"name" doc:"What requests call it."`
	Task       string   `json:"task" doc:"seq2seq, lm, classify, tag, forecast or regress."`
	Reads      string   `json:"reads" doc:"text, or series: numbers."`
	Ready      bool     `json:"ready" doc:"false: the run has no checkpoint yet."`
	Checkpoint string   `json:"checkpoint,omitempty" doc:"Which checkpoint is used: best or last."`
	Step       int      `json:"step" doc:"Its training step."`
	Options    []string `json:"options" doc:"The options that requests may have."`
	Tokens     string   `json:"tokens,omitempty" doc:"char, word or bpe: what texts are cut into."`
	Attention  bool     `json:"attention" doc:"Whether the model has an attention that can be shown."`
	Channels   int      `json:"channels,omitempty" doc:"Arrays of numbers that a series has."`
	Horizon    int      `json:"horizon,omitempty" doc:"Values that are forecast."`
	Targets    []string `json:"targets,omitempty" doc:"The columns that are forecast."`
	Known      []string `json:"known,omitempty" doc:"The covariates that a series needs."`
	Static     []string `json:"static,omitempty" doc:"The categories that a series needs."`
	Times      bool     `json:"times,omitempty" doc:"Whether a series needs the time of its first value."`
}

// list answers GET /v1/models.
func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	all := modelList{Models: []modelInfo{}}
	for _, m := range s.models {
		all.Models = append(all.Models, m.info())
	}
	writeJSON(w, http.StatusOK, all)
}

func (m *model) info() modelInfo {
	c := m.opened.Config()
	x := modelInfo{Name: m.name, Task: c.Task, Reads: "text", Options: []string{}}
	now := m.current.Load()
	if now != nil {
		c = now.run.Config()
		x.Ready, x.Checkpoint, x.Step = true, now.stamp.name, now.run.At().Step
	}
	for _, o := range optionsOf(c.Task) {
		x.Options = append(x.Options, o.name)
	}
	switch {
	case c.Model.Series != nil:
		x.Reads, x.Channels = "series", c.Model.Series.Inputs.Channels
	case c.Task == run.TaskForecast:
		x.Reads = "series"
	default:
		x.Tokens = string(m.opened.Vocab().Kind())
	}
	x.Attention = m.opened.Attends()
	if now == nil {
		return x
	}
	if f, ok := now.task.(*forecaster); ok {
		set := f.model.Set("")
		x.Horizon, x.Targets, x.Known, x.Static, x.Times = f.model.Horizon(), set.Targets, set.Known, set.Static,
			f.model.Calendar()
		x.Channels = len(set.Targets)
	}
	return x
}
