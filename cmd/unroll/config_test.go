package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/recipes"
)

func TestConfigErrors(t *testing.T) {
	small(t, nil)
	writeFile(t, "folder/config.yaml", "task: lm\nmodle: {}\n")
	for _, c := range []struct {
		config, args string // the file, and the flags beside it
		code         int
		want         string
	}{
		{"", "", exitData, "c.yaml: it is empty: unroll train --print-config shows what a configuration has"},
		{"# nothing\n", "", exitData, "c.yaml: it is empty: unroll train --print-config shows what a configuration has"},
		{"- a\n", "", exitData, "c.yaml:1: a list: a configuration has a key, a colon and a value a line, such as `task: lm`"},
		{"task: lm\nmodel:\n  hiden: 3\n", "", exitData, "c.yaml:3: there is no key hiden in model, did you mean hidden?"},
		{"task: lm\nmodel:\n  batch: 3\n", "", exitData, "c.yaml:3: there is no key batch in model: it belongs in training"},
		{"task: lm\nlr: 3\n", "", exitData, "c.yaml:2: there is no key lr: it belongs in training"},
		{"task: lm\nmodel:\n  hidden: many\n", "", exitData, `c.yaml:3: hidden is "many": it must be a whole number`},
		{"task: lm\nmodel:\n  hidden: 1.5\n", "", exitData, `c.yaml:3: hidden is "1.5": it must be a whole number`},
		{"task: lm\nmodel:\n  hidden: [1, 2]\n", "", exitData, "c.yaml:3: hidden is a list: it must be a whole number"},
		{"task: lm\nmodel:\n  hidden:\n    a: 1\n", "", exitData, "c.yaml:4: hidden is a section: it must be a whole number"},
		{"task: lm\nmodel:\n  hidden:\n", "", exitData, "c.yaml:3: hidden has no value: give one, or leave the line out"},
		{"task: lm\nmodel:\n  tie: maybe\n", "", exitData, `c.yaml:3: tie is "maybe": it must be true or false`},
		{"task: lm\ntraining:\n  lr: fast\n", "", exitData, `c.yaml:3: lr is "fast": it must be a number`},
		{"task: lm\ntraining:\n  seed: -1\n", "", exitData, `c.yaml:3: seed is "-1": it must be a whole number, at least 0`},
		{"task: lm\nmodel:\n  cutoffs: 3\n", "", exitData, `c.yaml:3: cutoffs is "3": it must be a list, such as [1, 2]`},
		{"task: lm\nmodel:\n\thidden: 3\n", "", exitData, "c.yaml:3: a tab before a key: YAML is indented with blanks"},
		{"task: lm\nmodel:\n  hidden: 3\n  hidden: 4\n", "", exitData, "c.yaml:4: hidden is here and in line 3: leave one of them out"},
		{"task: lm\nmodel: 3\n", "", exitData, `c.yaml:2: model is "3": it is a section, whose settings are indented below it`},
		{"task: lm\nmodel: {cell: &a lstm, hidden: *a}\n", "", exitData, "c.yaml:2: hidden is an alias: it must be a whole number"},
		{"task: lm\n---\ntask: lm\n", "", exitData, "c.yaml:2: a second document: a file holds one configuration"},
		{"task: \"lm\n", "", exitData, "c.yaml:2: not YAML: found unexpected end of stream"},
		{"model: {}\n", "", exitData, "c.yaml: task is missing: one of seq2seq, lm, classify, tag, regress, forecast"},
		{"task: tagger\n", "", exitData, `c.yaml:1: task is "tagger": it must be one of seq2seq, lm, classify, tag, regress, forecast`},
		{"format: unroll-run-2\ntask: lm\n", "", exitData, `c.yaml:1: format is "unroll-run-2", and this version reads "unroll-run-1": another version of unroll wrote it`},
		{"task: lm\nmodel:\n  bidirectional: true\n", "", exitData, "c.yaml:3: bidirectional is no setting of a language model: leave it out"},
		{"task: lm\nmodel:\n  hidden: -3\n", "", exitData, "c.yaml:3: hidden is -3: it must be at least 1"},
		{"task: lm\nmodel:\n  hidden: -3\n", "--batch 4", exitData, "c.yaml:3: hidden is -3: it must be at least 1"},
		{"task: lm\nmodel:\n  hidden: 3\n", "--hidden -4", exitUsage, "--hidden is -4: it must be at least 1"},
		{"task: lm\nmodel:\n  cell: lsmt\n", "", exitData, `c.yaml:3: cell must be one of "rnn","gru","lstm" but got "lsmt"; see unroll train lm --help`},
		{"task: lm\nmodel:\n  dropout: 1.5\n", "", exitData, "c.yaml:3: dropout is 1.5: it must be in [0, 1)"},
		{"task: lm\ntraining:\n  schedule_factor: 0.5\n", "", exitData, "c.yaml:3: schedule_factor is for --schedule step or plateau or cosine or linear, and it is constant: leave one of them out"},
		{"task: classify\ndata:\n  train: {kind: pairs, paths: [a]}\n", "", exitData, `c.yaml:3: kind is "pairs": for a classifier it must be one of table, folder, idx, series`},
		{"task: classify\ndata:\n  train: {kind: table, paths: [a, b]}\n", "", exitData, "c.yaml:3: paths has 2: data of the kind table have 1"},
		{"task: classify\ndata:\n  train: {kind: table}\n", "", exitData, "c.yaml:3: train has a kind and no paths"},
		{"task: classify\ndata:\n  train:\n    kind: table\n    paths: [a.tsv]\n", "", exitNoInput, "c.yaml:5: table: a.tsv does not exist: check the path"},
		{"task: classify\ndata:\n  set: names81\n", "", exitData, `c.yaml:3: set: there is no data set "names81", did you mean names18?`},
		{"task: classify\ndata:\n  set: multi30k\n", "", exitData, "c.yaml:3: set: multi30k is not for a classifier"},
		{"task: tag\n", "lm", exitData, "c.yaml: it is for train tag, and this is train lm"},
	} {
		writeFile(t, "c.yaml", c.config)
		words := []string{"train"}
		if c.args == "lm" {
			words = append(words, c.args)
			c.args = ""
		}
		r := unroll(append(append(words, "--config", "c.yaml"), strings.Fields(c.args)...)...)
		if r.code != c.code || r.stderr != "unroll: "+c.want+"\n" {
			t.Errorf("%q\ngot  %d, %swant %d, unroll: %s", c.config, r.code, r.stderr, c.code, c.want)
		}
	}
	want(t, exitNoInput, "--config: nope.yaml does not exist: check the path", "train", "--config", "nope.yaml")
	want(t, exitData, "folder/config.yaml:2: there is no key modle, did you mean model?", "train", "--config", "folder")
	want(t, exitUsage, `there is no recipe "multi30k-atention", did you mean multi30k-attention?`, "train", "--recipe=multi30k-atention")
	want(t, exitUsage, `there is no recipe "dates2", did you mean dates?`, "recipes", "dates2")
	want(t, exitNoInput, "recipe sine:15: series: sine.csv does not exist: check the path; unroll recipes sine says where it comes from",
		"train", "--recipe", "sine")
	want(t, exitUsage, "--recipe and --config can't be used together; see unroll train seq2seq --help", "train", "--recipe", "dates", "--config", "c.yaml")
	if got := unroll("train", "--data", "corpus.txt"); got.code != exitUsage ||
		!strings.HasSuffix(got.stderr, "; files of your own are named with --text, --pairs and others: see unroll train --help\n") {
		t.Errorf("%+v", got)
	}
}

// What the command line does not say follows from what it does; where it could be several, it must say which.
func TestChoosesTask(t *testing.T) {
	small(t, nil)
	for args, task := range map[string]string{
		"": "seq2seq", "--text f": "lm", "--pairs f": "seq2seq", "--src f --tgt g": "seq2seq", "--table f": "classify", "--idx f": "classify",
		"--conllu f": "tag", "--horizon 3 --series f": "forecast", "--crf": "tag", "--hidden 3": "seq2seq", "--task dates": "seq2seq",
		"--task places": "tag", "--task adding": "regress", "--task adding-30": "regress",
	} {
		if got := must(t, append(strings.Fields("train "+args), "--print-config")...); !strings.Contains(got, "\ntask: "+task+"\n") {
			t.Errorf("%s: %.200s", args, got)
		}
	}
	want(t, exitUsage, "--series is for train classify, train regress, train forecast: say which, as in unroll train forecast --series ...", "train", "--series", "f")
	want(t, exitUsage, "--text is for train lm, and this is train seq2seq: leave it out, or the flags of the other; see unroll train seq2seq --help", "train", "--text", "f", "--pairs", "g")
}

// yamlOf is a configuration of a task with these settings, by their paths.
func yamlOf(t *testing.T, task string, settings map[string]string) string {
	t.Helper()
	tree := map[string]any{"task": task}
	for _, path := range slices.Sorted(maps.Keys(settings)) {
		in := tree
		parts := strings.Split(path, ".")
		for _, name := range parts[:len(parts)-1] {
			if in[name] == nil {
				in[name] = map[string]any{}
			}
			in = in[name].(map[string]any)
		}
		var v yaml.Node
		if err := yaml.Unmarshal([]byte(settings[path]), &v); err != nil {
			t.Fatal(err)
		}
		in[parts[len(parts)-1]] = v.Content[0]
	}
	text, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settingOf is a setting of a printed configuration; "" if it is left out.
func settingOf(t *testing.T, config, path string) string {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal([]byte(config), &tree); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(path, ".") {
		in, _ := tree.(map[string]any)
		tree = in[name]
	}
	if tree == nil {
		return ""
	}
	return fmt.Sprint(tree)
}

// precedence is a setting in a file, and a flag over it.
type precedence struct {
	task, path   string
	inFile, flag string // flag is what the command line says
	want         string // of the flag; what is in the file is as it is
	with         string // other settings of the file, that it needs
}

// Flags come before the file, and the file before the defaults: each setting of each command.
func TestConfigPrecedence(t *testing.T) {
	small(t, nil)
	const optimizer = "training.optimizer=sgd"
	cases := []precedence{
		{"lm", "data.text", "a.txt", "--text=b.txt", "b.txt", ""},
		{"lm", "data.valid_text", "a.txt", "--valid-text=b.txt", "b.txt", "data.text=c.txt"},
		{"lm", "data.split", "80/20", "--split=70/30", "70/30", "data.text=c.txt"},
		{"lm", "model.cell", "gru", "--cell=lstm", "lstm", ""},
		{"lm", "model.hidden", "7", "--hidden=9", "9", ""},
		{"lm", "model.layers", "3", "--layers=4", "4", ""},
		{"lm", "model.embed", "7", "--embed=0", "0", ""},
		{"lm", "model.tokens", "word", "--tokens=bpe", "bpe", ""},
		{"lm", "model.min_freq", "3", "--min-freq=2", "2", ""},
		{"lm", "model.max_vocab", "300", "--max-vocab=200", "200", ""},
		{"lm", "model.normalize", "nfc", "--normalize=nfkc", "nfkc", ""},
		{"lm", "model.nonlinearity", "relu", "--nonlinearity=tanh", "", "model.cell=rnn"},
		{"lm", "model.no_bias", "true", "--no-bias=false", "", ""},
		{"lm", "model.forget_bias", "1", "--forget-bias=0", "", "model.cell=lstm"},
		{"lm", "model.peepholes", "true", "--peepholes=false", "", "model.cell=lstm"},
		{"lm", "model.layer_norm", "true", "--layer-norm=false", "", "model.cell=lstm"},
		{"lm", "model.dropout", "0.25", "--dropout=0", "", ""},
		{"lm", "model.tie", "true", "--tie=false", "", "model.embed=128"},
		{"lm", "model.softmax", "sampled", "--softmax=adaptive", "adaptive", "model.tokens=word"},
		{"lm", "model.cutoffs", "[10, 20]", "--cutoffs=30", "[30]", "model.tokens=word model.softmax=adaptive"},
		{"lm", "model.softmax_samples", "7", "--softmax-samples=9", "9", "model.tokens=word model.softmax=sampled"},
		{"lm", "vectors.path", "a.vec", "--vectors=b.vec", "b.vec", ""},
		{"lm", "vectors.frozen", "true", "--freeze-vectors=false", "", "vectors.path=a.vec"},
		{"lm", "training.batch", "7", "--batch=9", "9", ""},
		{"lm", "training.seq", "7", "--seq=9", "9", ""},
		{"lm", "training.stride", "7", "--stride=0", "", ""},
		{"lm", "training.optimizer", "adamw", "--optimizer=sgd", "sgd", ""},
		{"lm", "training.lr", "0.5", "--lr=1e-3", "0.001", ""},
		{"lm", "training.momentum", "0.5", "--momentum=0", "0", optimizer},
		{"lm", "training.weight_decay", "0.5", "--weight-decay=0", "0", ""},
		{"lm", "training.clip", "3", "--clip=0", "0", ""},
		{"lm", "training.clip_value", "3", "--clip-value=0", "0", ""},
		{"lm", "training.accumulate", "3", "--accumulate=2", "2", ""},
		{"lm", "training.schedule", "linear", "--schedule=constant", "constant", ""},
		{"lm", "training.warmup", "3", "--warmup=0", "0", ""},
		{"lm", "training.schedule_steps", "30", "--schedule-steps=20", "20", "training.schedule=cosine"},
		{"lm", "training.schedule_factor", "0.25", "--schedule-factor=0", "", "training.schedule=cosine"},
		{"lm", "training.schedule_patience", "3", "--schedule-patience=0", "", "training.schedule=plateau"},
		{"lm", "training.ema", "0.5", "--ema=0", "0", ""},
		{"lm", "training.sparse_updates", "true", "--sparse-updates=false", "", ""},
		{"lm", "training.loss_scaling", "true", "--loss-scaling=false", "false", ""},
		{"lm", "training.max_skipped", "3", "--max-skipped=2", "2", ""},
		{"lm", "training.best", "accuracy", "--best=loss", "loss", ""},
		{"lm", "training.patience", "3", "--patience=0", "0", ""},
		{"lm", "training.seed", "18446744073709551615", "--seed=0", "0", ""},
		{"lm", "training.valid_every", "3", "--valid-every=2", "2", ""},
		{"lm", "training.valid_epochs", "3", "--valid-epochs=2", "2", ""},
		{"lm", "training.valid_epochs", "3", "--valid-every=2", "", ""},
		{"lm", "training.checkpoint_every", "3", "--checkpoint-every=2", "2", ""},
		{"lm", "training.steps", "3", "--steps=2", "2", ""},
		{"lm", "training.steps", "3", "--epochs=2", "0", ""},
		{"lm", "training.epochs", "3", "--epochs=2", "2", ""},
		{"lm", "training.epochs", "3", "--minutes=2", "0", ""},
		{"lm", "training.minutes", "3.5", "--minutes=0.5", "0.5", ""},
		{"lm", "running.device", "ref", "--device=cpu", "cpu", ""},
		{"lm", "running.threads", "3", "--threads=2", "2", ""},
		{"lm", "running.precision", "tf32", "--precision=fp32", "fp32", ""},
		{"lm", "running.recompute", "3", "--recompute=2", "2", ""},
		{"lm", "running.memory", "300MB", "--memory=200MB", "200000000", ""},
		{"lm", "running.memory", "300000000", "--recompute=2", "", ""},
		{"lm", "from.run", "a", "--from=b", "", ""},
		{"seq2seq", "data.train.kind", "pairs", "--src=a --tgt=b", "src", "data.train.paths=[a]"},
		{"seq2seq", "data.train.paths", "[a]", "--pairs=b", "[b]", "data.train.kind=pairs"},
		{"seq2seq", "data.valid.paths", "[a]", "--valid-pairs=b", "[b]", "data.valid.kind=pairs data.train.kind=pairs data.train.paths=[c]"},
		{"seq2seq", "data.valid.paths", "[a]", "--hold-out=0.5", "", "data.valid.kind=pairs data.train.kind=pairs data.train.paths=[c]"},
		{"seq2seq", "data.valid.paths", "[a]", "--pairs=b", "", "data.valid.kind=pairs data.train.kind=pairs data.train.paths=[c]"},
		{"seq2seq", "data.train.format", "csv", "--format=tsv", "tsv", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "data.train.quoted", "true", "--quoted=false", "", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "data.train.columns", `["a,b", c]`, "--columns=1,2", "[1 2]", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "data.train.header", `"yes"`, "--header=no", "no", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "data.train.skip_bad", "true", "--skip-bad=false", "", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "data.hold_out", "0.5", "--hold-out=0.25", "0.25", "data.train.kind=pairs data.train.paths=[a]"},
		{"seq2seq", "model.attention", "none", "--attention=dot", "dot", ""},
		{"seq2seq", "model.attention_before", "true", "--attention-before=false", "", ""},
		{"seq2seq", "model.context_every_step", "true", "--context-every-step=false", "", "model.attention=none"},
		{"seq2seq", "model.input_feeding", "true", "--input-feeding=false", "", ""},
		{"seq2seq", "model.bidirectional", "true", "--bidirectional=false", "", ""},
		{"seq2seq", "target_vectors.path", "a.vec", "--target-vectors=b.vec", "b.vec", ""},
		{"seq2seq", "target_vectors.frozen", "true", "--freeze-target-vectors=false", "", "target_vectors.path=a.vec"},
		{"seq2seq", "training.longest", "7", "--longest=9", "9", ""},
		{"seq2seq", "training.buckets", "7", "--buckets=9", "9", ""},
		{"seq2seq", "training.teacher_forcing", "0.5", "--teacher-forcing=0", "0", ""},
		{"seq2seq", "training.teacher_decay", "linear", "--teacher-decay=exponential", "exponential", "training.teacher_steps=3"},
		{"seq2seq", "training.teacher_steps", "3", "--teacher-steps=2", "2", "training.teacher_decay=linear"},
		{"seq2seq", "training.label_smoothing", "0.5", "--label-smoothing=0", "", ""},
		{"seq2seq", "training.max_length", "7", "--max-length=9", "9", ""},
		{"seq2seq", "training.bleu_tokenize", "zh", "--bleu-tokenize=char", "char", ""},
		{"seq2seq", "training.valid_pairs", "7", "--valid-translate=9", "9", ""},
		{"classify", "data.train.labels", "[a, b]", "--labels=c", "[c]", "data.train.kind=folder data.train.paths=[a]"},
		{"classify", "data.train.transpose", "true", "--transpose=false", "", "data.train.kind=idx data.train.paths=[a]"},
		{"classify", "model.pooling", "mean", "--pooling=max", "max", "data.train.kind=table data.train.paths=[a]"},
		{"classify", "training.class_weights", "balanced", "--class-weights=none", "", "data.train.kind=table data.train.paths=[a]"},
		{"classify", "model.series.inputs.patch", "7", "--patch=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "model.series.inputs.differences", "true", "--differences=false", "", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "model.series.inputs.scale", "series", "--scale=none", "none", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "model.series.inputs.missing", "mask", "--missing=carry", "carry", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "model.series.noise", "0.5", "--noise=0", "", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "data.train.options.layout", "wide", "--layout=long", "long", "data.train.kind=series data.train.paths=[a]"},
		{"classify", "data.train.options.label", "a", "--label=b", "b", "data.train.kind=series data.train.paths=[a]"},
		{"regress", "data.train.options.id", "x", "--id=y", "y", "data.train.kind=series data.train.paths=[a]"},
		{"regress", "data.train.options.time", "a", "--time=b", "b", "data.train.kind=series data.train.paths=[a]"},
		{"regress", "model.number.loss", "absolute", "--loss=squared", "squared", "data.train.kind=task data.train.paths=[adding]"},
		{"tag", "data.train.columns", "[FORM, XPOS]", "--column=DEPREL", "[FORM DEPREL]", "data.train.kind=conllu data.train.paths=[a]"},
		{"tag", "data.train.columns", `["2", "3"]`, "--column=4", "[2 4]", "data.train.kind=columns data.train.paths=[a]"},
		{"tag", "model.bidirectional", "false", "--forwards=false", "true", ""},
		{"tag", "model.bidirectional", "true", "--forwards", "false", ""},
		{"tag", "model.tag.lower", "false", "--keep-case=false", "true", ""},
		{"tag", "model.tag.lower", "true", "--keep-case", "false", ""},
		{"tag", "model.tag.char_embed", "7", "--char-embed=9", "9", ""},
		{"tag", "model.tag.char_hidden", "7", "--char-hidden=0", "0", ""},
		{"tag", "model.tag.letters", "7", "--letters=9", "9", ""},
		{"tag", "model.tag.crf", "true", "--crf=false", "", ""},
		{"tag", "model.tag.word_dropout", "0.5", "--word-dropout=0", "0", ""},
		{"tag", "model.dropout", "0", "--dropout=0.5", "0.5", ""},
		{"forecast", "data.train.options.header", `"yes"`, "--header=no", "no", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "data.train.options.time_form", "DD/MM/YYYY", "--time-form=MM/DD/YYYY", "MM/DD/YYYY", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "data.train.options.targets", "[a, b]", "--targets=c", "[c]", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "data.train.options.known", "[d, e]", "--known=f", "[f]", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "data.train.options.static", "[g, h]", "--static=i", "[i]", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "data.train.options.fill_gaps", "true", "--fill-gaps=false", "", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.horizon", "7", "--horizon=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.season", "7", "--season=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.long_season", "7", "--long-season=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.calendar", "true", "--calendar=false", "", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.train_on_all", "true", "--train-on-all=false", "", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.window", "7", "--window=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.patch", "7", "--patch=9", "9", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.scale", "none", "--scale=mean", "mean", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.log", `"yes"`, "--log=no", "no", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.residual", "last", "--residual=none", "none", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.loss", "mase", "--loss=gaussian", "gaussian", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.quantiles", "[0.1, 0.9]", "--quantiles=0.5", "[0.5]", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.head", "autoregressive", "--head=direct", "direct", "data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.decoder_cell", "lstm", "--decoder-cell=rnn", "rnn", "model.forecast.head=autoregressive data.train.kind=series data.train.paths=[a]"},
		{"forecast", "model.forecast.decoder_hidden", "7", "--decoder-hidden=9", "9", "model.forecast.head=autoregressive data.train.kind=series data.train.paths=[a]"},
	}
	for len(cases) > 0 { // what fits together goes into one file
		first := cases[0]
		settings := map[string]string{}
		for _, other := range strings.Fields(first.with) {
			path, value, _ := strings.Cut(other, "=")
			settings[path] = value
		}
		var together, rest []precedence
		flags := []string{}
		for _, c := range cases {
			joins := c.task == first.task && c.with == first.with && settings[c.path] == "" && !alone(c.path)
			if c != first && (!joins || alone(first.path)) {
				rest = append(rest, c)
				continue
			}
			settings[c.path] = c.inFile
			together, flags = append(together, c), append(flags, strings.Fields(c.flag)...)
		}
		cases = rest
		writeFile(t, "c.yaml", yamlOf(t, first.task, settings))
		file := must(t, "train", "--config", "c.yaml", "--print-config")
		over := must(t, append([]string{"train", "--config", "c.yaml", "--print-config"}, flags...)...)
		for _, c := range together {
			var v any
			if err := yaml.Unmarshal([]byte(c.inFile), &v); err != nil {
				t.Fatal(err)
			}
			inFile := fmt.Sprint(v)
			if bytes, ok := strings.CutSuffix(inFile, "MB"); ok {
				inFile = bytes + "000000"
			}
			if c.path == "from.run" {
				inFile = "" // which the run itself says
			}
			if got := settingOf(t, file, c.path); got != inFile {
				t.Errorf("train %s, %s: %s: got %s", c.task, c.path, c.inFile, got)
			}
			if got := settingOf(t, over, c.path); got != c.want {
				t.Errorf("train %s %s over %s: %s: got %q, want %q", c.task, c.flag, c.path, c.inFile, got, c.want)
			}
		}
	}
}

// alone says whether a setting excludes others.
func alone(path string) bool {
	return slices.Contains([]string{
		"training.sparse_updates", "training.steps", "training.epochs", "training.minutes", "training.valid_every", "training.valid_epochs",
		"running.recompute", "running.memory", "running.precision", "from.run", "data.train.kind", "data.train.paths", "data.valid.paths",
		"data.hold_out", "data.train.format", "data.train.quoted", "model.softmax", "model.attention", "model.attention_before",
		"model.input_feeding", "model.forecast.quantiles", "model.forecast.loss", "vectors.path", "target_vectors.path", "data.text", "data.split", "model.tag.crf", "model.tag.char_hidden",
	}, path)
}

// A run's own configuration trains the same run, to the byte.
func TestConfigRoundTrip(t *testing.T) {
	t.Chdir(t.TempDir())
	standIns(t)
	for name, args := range map[string]string{
		"lm":       "lm --data tinyshakespeare --batch 2 --seq 8 --stride 4 --cell lstm --dropout 0.25 --schedule cosine --warmup 1",
		"seq2seq":  "seq2seq --data multi30k --tokens word --teacher-forcing 0 --label-smoothing 0.1 --batch 4 --bidirectional",
		"classify": "classify --data names18 --hold-out 0.3 --batch 4 --optimizer nesterov --ema 0.5",
		"tag":      "tag --data ud_french_sequoia --dropout 0 --char-hidden 0 --forwards --keep-case --word-dropout 0 --column UPOS --crf",
		"series":   "classify --data uea --patch 2 --noise 0.25 --missing mask --batch 4",
		"regress":  "regress --task adding-9 --loss absolute --batch 4 --schedule plateau",
		"forecast": "forecast --data m4_hourly --horizon 4 --season 3 --batch 4 --dropout 0 --quantiles 0.1,0.9",
	} {
		words := strings.Fields("train " + args + " --hidden 4 --steps 3 --threads 1")
		must(t, append(words, "--out", name)...)
		must(t, "train", "--config", name, "--out", name+"-again")
		for _, file := range []string{"config.yaml", "last/weights.safetensors"} {
			if readFile(t, filepath.Join(name, file)) != readFile(t, filepath.Join(name+"-again", file)) {
				t.Errorf("%s: %s is another one: %s", name, file, readFile(t, filepath.Join(name+"-again", "config.yaml")))
			}
		}
	}
}

// standIns makes a folder of data sets with little in them.
func standIns(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(catalog.DirEnv, dir)
	texts := map[string]string{ // by a part of the name of the file
		"input.txt": rhyme(200), ".txt": "ana\nbela\ncarlo\ndaria\nelsa\nfarid\n",
		".de": strings.Repeat("ein hund läuft .\nzwei katzen .\n", 20), ".en": strings.Repeat("a dog runs .\ntwo cats .\n", 20),
		".xml": "<TransliterationCorpus>" + strings.Repeat("<Name ID=\"1\"><SourceName>anna</SourceName><TargetName ID=\"1\">अन्ना</TargetName></Name>"+
			"<Name ID=\"2\"><SourceName>bela</SourceName><TargetName ID=\"1\">बेला</TargetName></Name>", 20) + "</TransliterationCorpus>",
		".conllu": strings.Repeat("1\tle\tle\tDET\t_\t_\t2\tdet\t_\t_\n2\tchat\tchat\tNOUN\t_\t_\t0\troot\t_\t_\n\n", 12),
		".csv":    m4Rows(),
		".ts":     "@problemName X\n@univariate true\n@classLabel true 1 2\n@data\n" + strings.Repeat("1,2,3,4,5,6:1\n3,1,2,5,4,7:2\n", 15),
		"Covid":   "@problemName X\n@univariate true\n@targetlabel true\n@data\n" + strings.Repeat("1,2,3,4,5,6,7:0.1\n3,1,2,5,4,7,2:0.2\n2,2,2,5,4,7,1:0.4\n", 10),
		"images":  string(idx(0x803, 40, 28, 28)), "labels": string(idx(0x801, 40)),
	}
	for _, set := range catalog.Sets {
		for _, f := range set.Files {
			best := ""
			for part := range texts {
				if strings.Contains(f.Name, part) && (len(part) > len(best)) {
					best = part
				}
			}
			writeFile(t, filepath.Join(dir, set.Name, f.Name), texts[best])
		}
	}
}

// m4Rows are series of the M4 competition.
func m4Rows() string {
	var b strings.Builder
	for i := range 301 {
		fmt.Fprintf(&b, "\"V%d\",", i+1)
	}
	for s := range 3 {
		fmt.Fprintf(&b, "\n\"H%d\"", s+1)
		for i := range 300 {
			fmt.Fprintf(&b, ",%d", 50+i%24+s)
		}
	}
	return strings.Replace(b.String(), ",\n", "\n", 1) + "\n"
}

// idx is a file of MNIST's form: its numbers say where they are.
func idx(magic uint32, shape ...uint32) []byte {
	data := binary.BigEndian.AppendUint32(nil, magic)
	n := uint32(1)
	for _, d := range shape {
		data, n = binary.BigEndian.AppendUint32(data, d), n*d
	}
	for i := range n {
		data = append(data, byte(i%10))
	}
	return data
}

// Every recipe is read strictly, has what the list says of it, and begins to train.
func TestRecipes(t *testing.T) {
	t.Chdir(t.TempDir())
	standIns(t)
	list := must(t, "recipes")
	writeFile(t, "train.tsv", "ana\tx\nbela\ty\ncarlo\tx\ndaria\ty\n")
	writeFile(t, "test.tsv", "elsa\tx\nfarid\ty\n")
	var sine strings.Builder
	for i := range 60 {
		fmt.Fprintf(&sine, "a,%d,%d\n", i, i%17)
	}
	writeFile(t, "sine.csv", "id,time,value\n"+sine.String())
	for _, r := range recipes.All() {
		if r.Task == "" || r.About.Data == "" || r.About.Reaches == "" || r.About.Time == "" || !strings.Contains(list, r.Name) {
			t.Errorf("%s: %+v", r.Name, r.About)
		}
		if got := must(t, "recipes", r.Name); got != string(r.Text) || !strings.HasPrefix(got, "# ") {
			t.Errorf("unroll recipes %s: %s", r.Name, got)
		}
		args := "train --recipe " + r.Name + " --hidden 4 --batch 2 --steps 1 --warmup 0 --threads 1 --out run"
		if r.Task == "lm" {
			args += " --seq 16"
		}
		if got := unroll(strings.Fields(args)...); got.code != 0 || got.stderr != "" {
			t.Errorf("unroll %s: %d, %s", args, got.code, got.stderr)
		}
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
	}
}

// A shell is told how a command line may go on: commands, flags, what flags may be, names, runs.
func TestCompletion(t *testing.T) {
	small(t, nil)
	writeFile(t, "runs/lm-1/config.yaml", "")
	writeFile(t, "mine/best-one/config.yaml", "")
	for line, want := range map[string]string{
		"unroll tr": "train translate", "unroll train --rec": "--recipe --recompute", "unroll train --recipe multi": "multi30k-attention multi30k-en-de multi30k-plain",
		"unroll train lm --data na": "names18 names18_tutorial", "unroll recipes date": "dates dates-bidirectional",
		"unroll train lm --cell ": "gru lstm rnn", "unroll eval ": "mine/best-one runs/lm-1", "unroll classify mine": "mine/best-one",
		"unroll data get tiny": "tinyshakespeare", "unroll data pa": "path", "unroll train tag --conl": "--conllu",
		"unroll train --crf --conl": "--conllu", "unroll serve runs/lm-1 mine/": "mine/best-one", "unroll sample --checkpoint last runs/": "runs/lm-1",
	} {
		t.Setenv("COMP_LINE", line)
		t.Setenv("COMP_POINT", fmt.Sprint(len(line)))
		r := unroll()
		got := strings.Fields(r.stdout)
		slices.Sort(got)
		if r.code != 0 || r.stderr != "" || strings.Join(got, " ") != want {
			t.Errorf("%s: %+v, want %s", line, r, want)
		}
	}
	os.Unsetenv("COMP_LINE")
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := must(t, "completion", shell); !strings.Contains(got, "unroll completion -c "+shell) {
			t.Errorf("%s: %s", shell, got)
		}
		if got := must(t, "completion", "-c", shell); !strings.Contains(got, "unroll") {
			t.Errorf("%s: %s", shell, got)
		}
	}
}

// Numbers with zeroes before them are decimal, in files and on the command line.
func TestLeadingZeroes(t *testing.T) {
	small(t, nil)
	writeFile(t, "c.yaml", "task: lm\ntraining:\n  seed: 010\n  batch: 0x10\n")
	got := must(t, "train", "--config", "c.yaml", "--epochs", "012", "--print-config")
	for _, want := range []string{"\n  seed: 10\n", "\n  batch: 16\n", "\n  epochs: 12\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in %s", want, got)
		}
	}
}

// An empty name, as of a variable of the shell that is not set, is not as if its flag were not there.
func TestEmptyNames(t *testing.T) {
	small(t, nil)
	for message, args := range map[string][]string{
		"--out is empty":         {"train", "lm", "--out", ""},
		"--valid-table is empty": {"eval", "run", "--valid-table="},
		"--onnx is empty":        {"export", "run", "--onnx", ""},
		"--pairs is empty":       {"train", "--pairs", ""},
	} {
		want(t, exitUsage, message+": give it a name, or leave it out", args...)
	}
}
