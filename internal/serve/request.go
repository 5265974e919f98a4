package serve

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/trainer/run"
)

// The longest things that a request may ask for.
const (
	maxInputs    = 1024 // of a request
	maxBytes     = 1 << 20
	maxTokens    = 2000 // of a source that is translated
	defaultBeam  = 1
	defaultTop   = 5
	defaultWrite = 200
)

// request is the body of POST /v1/predict.
type request struct {
	Model  string            `json:"model,omitempty" doc:"The model, if several are served: a name that /v1/models has."`
	Inputs []json.RawMessage `json:"inputs" doc:"What to read: texts; sentences as texts or as arrays of words; series of numbers. See the task."`
	options
}

// options say how to predict. The tag "for" names the tasks that have an option, "min" and "max" its bounds; the
// description of the API is made of the same tags.
type options struct {
	Beam     int     `json:"beam,omitempty" for:"seq2seq" min:"1" max:"100" doc:"Beam width: hypotheses kept at every step. Default: 1, the most likely token."`
	NBest    int     `json:"n_best,omitempty" for:"seq2seq" min:"1" max:"100" doc:"How many translations of each text. Default: 1."`
	Longest  int     `json:"max_length,omitempty" for:"seq2seq" min:"1" max:"1000" doc:"The most tokens of a translation. Default: as the run was trained."`
	Penalty  float64 `json:"length_penalty,omitempty" for:"seq2seq" min:"0" max:"10" doc:"How much longer translations of a beam are preferred. Default: 0.6."`
	Coverage float64 `json:"coverage_penalty,omitempty" for:"seq2seq" min:"0" max:"10" doc:"How much translations are preferred whose attention looked at all of the source."`
	NoRepeat int     `json:"no_repeat_ngram,omitempty" for:"seq2seq" min:"0" max:"100" doc:"Do not write the same N tokens in a row twice. Default: 0, they may repeat."`
	Replace  bool    `json:"replace_unknown,omitempty" for:"seq2seq" doc:"For a word that the model does not know, write a word of the source."`
	Join     bool    `json:"join_subwords,omitempty" for:"seq2seq" doc:"Make words of parts that the training data mark as such."`

	Attention     bool `json:"attention,omitempty" for:"seq2seq" doc:"Give the weights of the attention of the best translation."`
	Probabilities bool `json:"probabilities,omitempty" for:"seq2seq,lm" doc:"Give the probability of each token."`

	Temperature *float64 `json:"temperature,omitempty" for:"seq2seq,lm" min:"0" max:"100" doc:"Divide the logits by this and sample; lower is more conservative, 0 takes the most likely token. Default: 0.8 for text; a translation is searched for without it."`
	TopK        int      `json:"top_k,omitempty" for:"seq2seq,lm" min:"0" max:"1000000" doc:"Sample from the K most likely tokens; 0: from all."`
	TopP        float64  `json:"top_p,omitempty" for:"seq2seq,lm" min:"0" max:"1" doc:"Sample from the fewest tokens whose probabilities sum to P. Default: 1, from all."`
	Seed        uint64   `json:"seed,omitempty" for:"seq2seq,lm" doc:"Seed of sampling: another seed, another text. Default: 1."`

	Length      int    `json:"length,omitempty" for:"lm" min:"1" max:"10000" doc:"Tokens to write. Default: 200."`
	Session     string `json:"session,omitempty" for:"lm" doc:"new begins a text that can be continued, and the answer has its name; with that name the text goes on where it ended."`
	SkipUnknown bool   `json:"skip_unknown,omitempty" for:"lm" doc:"Leave out characters that a model of characters does not know."`

	Top int `json:"top,omitempty" for:"classify" min:"1" max:"1000000" doc:"How many labels to give, the likeliest first. Default: 5."`

	Quantiles []float64 `json:"quantiles,omitempty" for:"forecast" doc:"Quantiles of the forecast, each between 0 and 1. Default: those that the run was trained for."`
}

// defaults are the options where nothing is said.
func defaults() options {
	return options{Beam: defaultBeam, NBest: 1, Penalty: 0.6, TopP: 1, Seed: 1, Length: defaultWrite, Top: defaultTop}
}

var requestNames = fieldNames(request{}, seriesInput{})

// parseRequest reads the body of a request, but for its inputs.
func parseRequest(body []byte) (*request, []string, error) {
	q := &request{options: defaults()}
	given, err := decodeStrict(body, q, requestNames)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case !slices.Contains(given, "inputs"):
		return nil, nil, wrong(`"inputs" is missing: what is to be read, an array`)
	case len(q.Inputs) == 0:
		return nil, nil, wrong(`"inputs" is empty`)
	case len(q.Inputs) > maxInputs:
		return nil, nil, wrong(`"inputs" has %d elements: at most %d are read at once`, len(q.Inputs), maxInputs)
	}
	return q, given, nil
}

// option is a field of options.
type option struct {
	reflect.StructField
	name string
}

// allOptions are the options of all tasks.
var allOptions = func() (all []option) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[options]()) {
		if name, ok := jsonName(f); ok {
			all = append(all, option{f, name})
		}
	}
	return all
}()

// optionsOf are the options that a task has.
func optionsOf(task string) (of []option) {
	for _, x := range allOptions {
		if x.of(task) {
			of = append(of, x)
		}
	}
	return of
}

// of says whether a task has the option.
func (x *option) of(task string) bool {
	return slices.Contains(strings.Split(x.Tag.Get("for"), ","), task)
}

// check says what is wrong with the options that were given to a model of a task.
func (o *options) check(task string, given []string) error {
	for _, name := range given {
		if name == "inputs" || name == "model" {
			continue
		}
		i := slices.IndexFunc(allOptions, func(x option) bool { return x.name == name && x.of(task) })
		if i < 0 {
			return wrong("%q is no option of %s", name, run.TaskName(task))
		}
		if err := allOptions[i].check(reflect.ValueOf(o).Elem().FieldByIndex(allOptions[i].Index)); err != nil {
			return err
		}
	}
	return nil
}

// check says whether a value is within the bounds of the option.
func (x *option) check(v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() { // null
			return nil
		}
		v = v.Elem()
	}
	var value float64
	switch {
	case v.CanInt():
		value = float64(v.Int())
	case v.CanFloat():
		value = v.Float()
	default:
		return nil
	}
	low, high := x.bound("min"), x.bound("max")
	if value < low || value > high {
		return wrong("%q is %v: it must be at least %v and at most %v", x.name, v, low, high)
	}
	return nil
}

func (x *option) bound(tag string) float64 {
	bound, _ := strconv.ParseFloat(x.Tag.Get(tag), 64)
	return bound
}

// key is equal for options with which inputs may be predicted together.
func (o *options) key() string {
	text, err := json.Marshal(o)
	return cmp.Or(string(text), fmt.Sprint(err))
}

// seriesInput is a series to forecast, with all that may be said of it.
type seriesInput struct {
	ID     string      `json:"id,omitempty" doc:"A name that the answer repeats."`
	Start  string      `json:"start,omitempty" doc:"The time of the first value, such as 2026-01-31 or 2026-01-31T15:00:00Z: needed if the model knows the calendar."`
	Values numbers     `json:"values" doc:"The values, the last one is the newest; null where one is missing. For several columns an array for each."`
	Known  [][]float64 `json:"known,omitempty" doc:"What is known in advance, an array for each covariate: as many as values, and as many as the horizon behind."`
	Static []string    `json:"static,omitempty" doc:"The categories of the series."`
}
