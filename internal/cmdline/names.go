package cmdline

// Words of other programs, for those who come from there.

// otherFlags are the names that other programs have for flags.
var otherFlags = map[string]string{
	"learning-rate": "lr", "batch-size": "batch", "weight-decay-rate": "weight-decay", "wd": "weight-decay",
	"output": "out", "output-dir": "out", "outdir": "out", "save-dir": "out", "model-dir": "out",
	"num-epochs": "epochs", "n-epochs": "epochs", "max-epochs": "epochs", "num-train-epochs": "epochs",
	"num-steps": "steps", "max-steps": "steps", "train-steps": "steps", "iterations": "steps", "max-iters": "steps",
	"hidden-size": "hidden", "hidden-dim": "hidden", "rnn-size": "hidden", "num-layers": "layers", "n-layers": "layers",
	"embedding-dim": "embed", "embed-dim": "embed", "embedding-size": "embed", "emb-size": "embed",
	"glove": "vectors", "word2vec": "vectors", "fasttext": "vectors", "embeddings": "vectors", "word-vectors": "vectors",
	"pretrained-embeddings": "vectors", "pretrained-vectors": "vectors", "embedding-file": "vectors",
	"src-vectors": "vectors", "tgt-vectors": "target-vectors", "freeze-embeddings": "freeze-vectors", "freeze-embedding": "freeze-vectors",
	"seq-len": "seq", "seq-length": "seq", "sequence-length": "seq", "bptt": "seq", "block-size": "seq",
	"optim": "optimizer", "lr-scheduler": "schedule", "scheduler": "schedule", "warmup-steps": "warmup",
	"grad-clip": "clip", "max-grad-norm": "clip", "gradient-clip": "clip", "gradient-accumulation-steps": "accumulate",
	"init-from": "from", "init-checkpoint": "from", "pretrained": "from", "load": "from", "train-from": "from",
	"save-every": "checkpoint-every", "save-steps": "checkpoint-every", "eval-every": "valid-every", "eval-steps": "valid-every",
	"log-interval": "log-every", "logging-steps": "log-every", "num-threads": "threads", "num-workers": "threads",
	"tied": "tie", "tie-weights": "tie", "model": "cell", "rnn-type": "cell", "early-stopping": "patience",
	"beam-size": "beam", "beam-width": "beam", "num-beams": "beam", "temp": "temperature", "max-len": "max-length", "nbest": "n-best",
}

// dataNames are names that other programs have for what is trained on.
var dataNames = []string{"data", "dataset", "data-dir", "input", "train", "train-data", "train-file", "corpus", "file"}

// gpuNames are other names of the device cuda.
var gpuNames = []string{"gpu", "nvidia", "cuda:0", "gpu:0"}
