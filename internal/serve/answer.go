package serve

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/run"
)

// answer is the body of an answer of POST /v1/predict.
type answer struct {
	Model   string   `json:"model" doc:"The model that answered."`
	Step    int      `json:"step" doc:"The training step of the checkpoint that answered."`
	Outputs []output `json:"outputs" doc:"What each input became, in their order."`
}

// output is what an input became. A task has some of the fields.
type output struct {
	Text          *string       `json:"text,omitempty" doc:"The translation, or the text that was written."`
	Finished      *bool         `json:"finished,omitempty" doc:"false: the translation was cut at its greatest length."`
	LogProb       *run.Float    `json:"log_prob,omitempty" doc:"ln p of the translation: with n_best, beam, attention or probabilities."`
	Score         *run.Float    `json:"score,omitempty" doc:"What the translations of a beam are ranked by."`
	Tokens        []token       `json:"tokens,omitempty" doc:"The tokens with their probabilities."`
	Attention     *weights      `json:"attention,omitempty" doc:"Where the attention looked."`
	Alternatives  []alternative `json:"alternatives,omitempty" doc:"With n_best: all translations, the best first."`
	Session       string        `json:"session,omitempty" doc:"The name with which the text goes on where it ended."`
	Unknown       int           `json:"unknown,omitempty" doc:"Tokens or words of the input that the model does not know."`
	Label         *string       `json:"label,omitempty" doc:"The likeliest label."`
	Probability   *run.Float    `json:"probability,omitempty" doc:"The probability of that label."`
	Labels        []label       `json:"labels,omitempty" doc:"The likeliest labels."`
	Words         []string      `json:"words,omitempty" doc:"The words of the sentence."`
	Tags          []string      `json:"tags,omitempty" doc:"A tag for each word."`
	ID            string        `json:"id,omitempty" doc:"The name of the series."`
	Target        string        `json:"target,omitempty" doc:"The column that is forecast."`
	Start         *time.Time    `json:"start,omitempty" doc:"The time of the first value of the forecast."`
	Values        []run.Float   `json:"values,omitempty" doc:"The forecast, or the number that is predicted."`
	Quantiles     []quantile    `json:"quantiles,omitempty" doc:"Quantiles of the forecast."`
	MoreForecasts []forecast    `json:"more,omitempty" doc:"Forecasts of further columns, if the model has several."`
}

// token is a token of a text that was written.
type token struct {
	Text        string    `json:"text" doc:"The token."`
	Probability run.Float `json:"probability" doc:"Its probability, given those before it."`
}

// weights say where the attention looked.
type weights struct {
	Source  []string      `json:"source" doc:"The tokens of the source."`
	Target  []string      `json:"target" doc:"The tokens that were written."`
	Weights [][]run.Float `json:"weights" doc:"A row for each token that was written, a number for each token of the source; a row adds up to 1."`
}

// alternative is one of several translations.
type alternative struct {
	Text     string    `json:"text" doc:"The translation."`
	Finished bool      `json:"finished" doc:"false: it was cut at its greatest length."`
	LogProb  run.Float `json:"log_prob" doc:"Its ln p."`
	Score    run.Float `json:"score" doc:"What translations are ranked by."`
}

// label is a label with its probability.
type label struct {
	Label       string    `json:"label" doc:"The label."`
	Probability run.Float `json:"probability" doc:"Its probability."`
}

// quantile is a quantile of each value of a forecast.
type quantile struct {
	P      float64     `json:"p" doc:"The probability that the value is not larger."`
	Values []run.Float `json:"values" doc:"A number for each value of the forecast."`
}

// forecast is that of a column.
type forecast struct {
	Target    string      `json:"target" doc:"The column."`
	Values    []run.Float `json:"values" doc:"The forecast."`
	Quantiles []quantile  `json:"quantiles,omitempty" doc:"Its quantiles."`
}

// failure is the body of every answer that is an error.
type failure struct {
	Error string `json:"error" doc:"What is wrong, and what to do: one sentence."`
}

func some[T any](x T) *T { return &x }

func floats(xs []float64) []run.Float {
	fs := make([]run.Float, len(xs))
	for i, x := range xs {
		fs[i] = run.Float(x)
	}
	return fs
}

// writeJSON answers with a status and a JSON value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil { // a type of this package that cannot be written is a mistake
		status, text = 500, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// retryAfter is how many seconds a caller should wait that finds the server full.
const retryAfter = "1"

// writeError answers with what is wrong.
func writeError(w http.ResponseWriter, err error) {
	status, what := statusOf(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, status, failure{what})
}

// statusOf is the status and the sentence for an error.
func statusOf(err error) (status int, what string) {
	var call *callError
	if errors.As(err, &call) {
		return call.status, call.what
	}
	return http.StatusInternalServerError, err.Error()
}
