package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"go.yaml.in/yaml/v3"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/foreign"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// KindImported is the Source.Kind of a run whose weights another program has trained: its path is the file of them.
const KindImported = "imported"

// importable are the tasks of runs that can be imported.
var importable = []string{TaskLM, TaskClassify, TaskSeq2Seq}

// ImportConfig says what a model is that another program has trained.
type ImportConfig struct {
	Weights string // a safetensors file, float32
	Keras   bool   // with the layouts of Keras; else those of PyTorch

	// Map says what names of the file become, each as THEIRS=OURS in which {n} is a number and {rest} any text; nothing
	// behind = leaves a tensor out. Usual names need none: see docs/import.md.
	Map []string

	// Config is a file with the task and the model, as config.yaml has them. What it leaves out is as in Defaults, and
	// what the vocabulary and the labels say may be missing.
	Config string

	Vocab  string // a file: see datasets.ReadTokenList; of a sequence-to-sequence model the vocabulary of its sources
	Target string // likewise, of the targets of a sequence-to-sequence model
	Labels string // of a classifier: a label a line, or a JSON array, in the order of the outputs
}

// Import makes a run of a model that another program has trained, in a folder that is new or empty. What is wrong with
// the files is a *DataError.
func Import(dir string, c ImportConfig) (*Run, error) {
	i := &imported{ImportConfig: c, files: map[string][]byte{}}
	for _, step := range []func() error{i.readConfig, i.readVocabs, i.readLabels, i.readWeights} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := writeRun(dir, i.config, i.files, checkpoint.Contents{Weights: i.weights, State: Position{}}); err != nil {
		return nil, err
	}
	return Open(dir)
}

// imported is a model on its way into a run.
type imported struct {
	ImportConfig
	config  *Config
	files   map[string][]byte
	source  *datasets.TokenList // nil: there is no vocabulary
	weights []checkpoint.Tensor
}

// readConfig reads the task and the model. The rest of a config.yaml has no use: it is of another training.
func (i *imported) readConfig() error {
	data, err := safefile.Read(i.Config, maxConfig)
	if err != nil {
		return NewInputError("`config`", err)
	}
	var of struct{ Task string }
	if err := yaml.Unmarshal(data, &of); err != nil {
		return badData("%s: not the configuration of a model (%s)", i.Config, yamlReason(err))
	}
	if !slices.Contains(importable, of.Task) {
		return badData("%s: `task` is %q: it must be %s", i.Config, of.Task, strings.Join(importable, ", "))
	}
	c := Defaults(of.Task)
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return badData("%s: not the configuration of a model (%s)", i.Config, yamlReason(err))
	}
	training, t := Defaults(of.Task).Training, &c.Training
	training.Seq, training.Longest, training.MaxLength = t.Seq, t.Longest, t.MaxLength
	c.Format, c.From, c.Data, c.Vectors, c.TargetVectors = ConfigFormat, nil, Data{}, nil, nil
	c.Training, c.Running = training, Defaults(of.Task).Running
	i.config = &c
	return nil
}

// readVocabs reads the vocabularies that the model needs, and no others.
func (i *imported) readVocabs() (err error) {
	m := &i.config.Model
	for _, x := range []struct {
		setting, path, name string
		needed              bool
		size                *int
		sha256              *string
		to                  **datasets.TokenList
	}{
		{"vocab", i.Vocab, vocabName, m.Input == 0, &m.Vocab, &m.VocabSHA256, &i.source},
		{"target_vocab", i.Target, targetName, i.config.Task == TaskSeq2Seq, &m.TargetVocab, &m.TargetSHA256,
			new(*datasets.TokenList)},
	} {
		switch {
		case x.needed && x.path == "":
			return settings("`%s` is missing: the tokens of the model, one a line or as JSON, by number", x.setting)
		case !x.needed && x.path != "":
			return settings("`%s` names tokens, and the model reads none: leave it out", x.setting)
		case !x.needed:
			continue
		}
		list, err := datasets.ReadTokenList(x.path, m.tokenKind())
		if err != nil {
			return NewInputError("`"+x.setting+"`", err)
		}
		if i.config.Task == TaskSeq2Seq && !inOrder(list) {
			return badData("%s: of %s the tokens must be numbered as unroll numbers them: give a vocab.json of it", x.path,
				TaskName(i.config.Task))
		}
		i.files[x.name] = list.Vocab.JSON()
		*x.size, *x.sha256, *x.to = list.Vocab.Len(), sha256Hex(i.files[x.name]), list
	}
	if i.source != nil {
		if usual, kind := Defaults(i.config.Task).Model, i.source.Vocab.Kind(); usual.tokenKind() == kind {
			m.Tokens = usual.Tokens // as a training notes it
		} else {
			m.Tokens = string(kind)
		}
	}
	return nil
}

// inOrder says whether the tokens of a list have their numbers in the Vocab already.
func inOrder(l *datasets.TokenList) bool {
	for k, n := range l.Theirs {
		if k != n {
			return false
		}
	}
	return true
}

func (i *imported) readLabels() error {
	m := &i.config.Model
	switch needed := i.config.Task == TaskClassify; {
	case needed && i.Labels == "":
		return settings("`labels` is missing: the labels of the classifier, in the order of its outputs")
	case !needed && i.Labels != "":
		return settings("`labels` names the labels of a classifier, and the model is %s: leave it out",
			TaskName(i.config.Task))
	case !needed:
		return nil
	}
	data, err := safefile.Read(i.Labels, 1<<20)
	if err != nil {
		return NewInputError("`labels`", err)
	}
	var names []string
	kept := struct{ Labels *[]string }{&names}
	if json.Unmarshal(data, &names) != nil && json.Unmarshal(data, &kept) != nil {
		names = strings.Split(strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	}
	l, err := datasets.OrderedLabels(names)
	if err != nil {
		return badData("%s: %v", i.Labels, err)
	}
	i.files[labelsName] = l.JSON()
	m.Classes, m.LabelsSHA256 = l.Len(), sha256Hex(i.files[labelsName])
	return nil
}

// readWeights reads the weights, and gives their rows the order of the vocabulary.
func (i *imported) readWeights() error {
	f, err := safefile.Open(i.Weights)
	if err != nil {
		return NewInputError("", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return errors.WithStack(err)
	}
	sum := sha256.New()
	tensors, err := checkpoint.ReadTensors(io.TeeReader(f, sum), info.Size())
	if err != nil {
		return badData("%s: %v", i.Weights, err)
	}
	path, err := absolute([]string{i.Weights})
	if err != nil {
		return err
	}
	i.config.Data.Train = &Source{Kind: KindImported, Paths: path, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if err := i.config.Check(); err != nil {
		return badData("%s: %v", i.Config, err)
	}
	if what := kindOf(i.config.Task).lacks(i.config); what != "" {
		return badData("%s: %s", i.Config, what)
	}
	theirs := *i.config
	if i.source != nil {
		theirs.Model.Vocab = i.source.Len
	}
	from := foreign.PyTorch
	if i.Keras {
		from = foreign.Keras
	}
	m := foreign.Model{Cell: theirs.Model.Cell, Tied: theirs.Model.Tied}
	if m.Wanted, err = theirs.wanted(); err != nil {
		return err
	}
	if i.weights, err = from.Weights(i.Weights, tensors, i.Map, m); err != nil {
		return badData("%v", err)
	}
	return i.renumber()
}

// wanted are the names and shapes of the weights of the model.
func (c *Config) wanted() ([]checkpoint.Tensor, error) {
	model, err := kindOf(c.Task).model(c)
	if err != nil {
		return nil, err
	}
	return trainer.Weights(model)
}

// never is the bias of a token that the model does not know, so that it is never written.
const never = -1e9

// renumber gives rows that belong to tokens the order of the vocabulary. What belongs to a reserved token that the
// model does not know is 0, and its probability, too.
func (i *imported) renumber() error {
	if i.source == nil || i.source.Len == i.config.Model.Vocab && inOrder(i.source) {
		return nil
	}
	wanted, err := i.config.wanted()
	if err != nil {
		return err
	}
	for k, w := range wanted {
		old := &i.weights[k]
		ofTokens := w.Name == "embedding.weight" || i.config.Task == TaskLM && strings.HasPrefix(w.Name, outputPrefix) ||
			i.config.Model.Embed == 0 && strings.HasPrefix(w.Name, "rnn.weight_ih_l0")
		if !ofTokens {
			continue
		}
		fresh := make([]float32, tensor.Shape(w.Shape).TotalSize())
		if w.Name == "output.bias" {
			for n := range fresh {
				fresh[n] = never
			}
		}
		axes := []int{0}
		if strings.HasPrefix(w.Name, "rnn.") { // of one-hot vectors
			axes[0] = 1
		}
		w.Data = fresh
		place(w, *old, axes, i.source.Theirs)
		*old = w
	}
	return nil
}

// notOwn says of a run that was imported that it has no data of its own.
func (s *Source) notOwn(dir string) error {
	if s == nil || s.Kind != KindImported {
		return nil
	}
	return badData("%s: the model was imported and has no data of its own: name some to measure on",
		filepath.Join(dir, ConfigName))
}
