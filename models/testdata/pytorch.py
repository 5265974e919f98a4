"""What PyTorch computes, for the tests of package models.

    python3 models/testdata/pytorch.py                   writes the golden files beside this script
    python3 models/testdata/pytorch.py answer FOLDER     replaces each CASE.safetensors in the folder, which holds parameters and inputs of
                                                         one of the cases, by a file that holds the results and derivatives too

Needs Python 3.9 or later and PyTorch, nothing else. The golden files were written with PyTorch 1.13.0 (Debian 12, python3-torch); each says so
in its header.

A file is in the safetensors format, with numbers in float64 and integers in int32:

    param.NAME      parameters, with the names of state_dict, which are also those of package models
    input.NAME      xs, h0, c0, lengths; source, target
    output.NAME     outputs, h_n, c_n; logits, weights; loss
    grad.param.NAME and grad.input.NAME      the derivatives of the loss

The recurrent layers are PyTorch's own modules. PyTorch has no attention of this kind: those cases are written here from the equations of their
papers, out of PyTorch's modules, one step at a time.
"""
import functools, json, os, struct, sys, zlib
import torch, torch.nn as nn, torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS, BATCH, INPUT, HIDDEN = 5, 3, 4, 5
LENGTHS = [3, 5, 1]
SOURCE_LENGTHS, TARGET_LENGTHS, VOCAB, EMBED = [4, 2, 5], [3, 4, 2], 9, 3
PADDING, START, END, FIRST = 0, 2, 3, 4  # tokens; FIRST is the first that means a word

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # one order of summation: one file


class Layers(nn.Module):
    """Recurrent layers over sequences, packed ones where packed.

    loss = sum over the valid steps of y^2 + sum over k of (k+1)·(h_n[k]^2 + c_n[k]^2)
    """

    def __init__(self, layers, packed):
        super().__init__()
        self.layers, self.packed = layers, packed

    def inputs(self):
        ways = self.layers.num_layers * (1 + self.layers.bidirectional)
        inputs = {"xs": torch.randn(STEPS, BATCH, INPUT), "h0": torch.randn(ways, BATCH, HIDDEN)}
        if isinstance(self.layers, nn.LSTM):
            inputs["c0"] = torch.randn(ways, BATCH, HIDDEN)
        if self.packed:
            inputs["lengths"] = torch.tensor(LENGTHS, dtype=torch.int32)
        return inputs

    def forward(self, xs, h0, c0=None, lengths=None):
        states = h0 if c0 is None else (h0, c0)
        if self.packed:
            ys, last = self.layers(pack_padded_sequence(xs, lengths.long(), enforce_sorted=False), states)
            ys, _ = pad_packed_sequence(ys, total_length=len(xs))
        else:
            ys, last = self.layers(xs, states)
        last = {"h_n": last} if c0 is None else {"h_n": last[0], "c_n": last[1]}
        loss = (ys**2).sum()
        for states in last.values():
            loss = loss + sum((k + 1) * (s**2).sum() for k, s in enumerate(states))
        return {"outputs": ys, **last, "loss": loss}


class Encoder(nn.Module):
    def __init__(self, cell, layers, both):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, EMBED)
        self.rnn = cell(EMBED, HIDDEN, layers, bidirectional=both)

    def forward(self, source):
        packed = pack_padded_sequence(self.embedding(source), (source != PADDING).sum(0), enforce_sorted=False)
        ys, last = self.rnn(packed)
        return pad_packed_sequence(ys, total_length=len(source))[0], last


class Attention(nn.Module):
    """The scores of a memory, B×S×D, for a query, B×H: B×S."""

    def __init__(self, kind, memory):
        super().__init__()
        self.kind = kind
        if kind == "additive":
            self.query = nn.Linear(HIDDEN, HIDDEN, bias=False)
            self.memory = nn.Linear(memory, HIDDEN, bias=False)
        if kind == "general":
            self.weight = nn.Parameter(torch.empty(HIDDEN, memory))
        if kind == "concat":
            self.weight = nn.Parameter(torch.empty(HIDDEN, HIDDEN + memory))
        if kind in ("additive", "concat"):
            self.v = nn.Parameter(torch.empty(HIDDEN))

    def forward(self, query, memory):
        if self.kind == "additive":  # Bahdanau et al., 2015, A.1.2: v·tanh(W·s + U·h)
            return torch.tanh(self.query(query).unsqueeze(1) + self.memory(memory)) @ self.v
        if self.kind == "dot":  # Luong et al., 2015, equation 8, for all three
            return torch.einsum("bh,bsh->bs", query, memory)
        if self.kind == "general":
            return torch.einsum("bh,hd,bsd->bs", query, self.weight, memory)
        both = torch.cat([query.unsqueeze(1).expand(-1, memory.shape[1], -1), memory], 2)
        return torch.tanh(both @ self.weight.t()) @ self.v


class Decoder(nn.Module):
    def __init__(self, cell, layers, memory, attention, before, feeding, tied):
        super().__init__()
        self.before, self.feeding, self.tied = before, feeding, tied
        self.embedding = nn.Embedding(VOCAB, EMBED)
        self.rnn = cell(EMBED + memory * before + HIDDEN * feeding, HIDDEN, layers)
        self.attention = Attention(attention, memory)
        if not before:
            self.attentional = nn.Linear(memory + HIDDEN, HIDDEN, bias=False)
        features = HIDDEN + before * (memory + EMBED)
        if tied:
            self.projection = nn.Linear(features, EMBED, bias=False)
            self.output = nn.ParameterDict({"bias": nn.Parameter(torch.empty(VOCAB))})
        else:
            self.output = nn.Linear(features, VOCAB)

    def attend(self, query, memory, mask):
        weights = torch.softmax(self.attention(query, memory).masked_fill(~mask, -torch.inf), 1)
        return torch.bmm(weights.unsqueeze(1), memory).squeeze(1), weights

    def step(self, token, state, attentional, memory, mask):
        x = e = self.embedding(token)
        if self.before:  # Bahdanau: the cell sees the context that the state before it attends to
            hidden = state[0] if isinstance(state, tuple) else state
            context, weights = self.attend(hidden[-1], memory, mask)
            x = torch.cat([e, context], 1)
        if self.feeding:
            x = torch.cat([e, attentional], 1)
        y, state = self.rnn(x.unsqueeze(0), state)
        y = y.squeeze(0)
        if self.before:
            features = torch.cat([y, context, e], 1)
        else:  # Luong: the attentional vector sees the context that the new state attends to
            context, weights = self.attend(y, memory, mask)
            features = attentional = torch.tanh(self.attentional(torch.cat([context, y], 1)))
        if self.tied:
            logits = F.linear(self.projection(features), self.embedding.weight, self.output["bias"])
        else:
            logits = self.output(features)
        return logits, state, attentional, weights


class Translator(nn.Module):
    """A sequence-to-sequence model with teacher forcing; the loss is the mean over the target's tokens."""

    def __init__(self, cell, attention, layers=1, both=False, before=False, feeding=False, tied=False, smoothing=0.0):
        super().__init__()
        self.layers, self.both, self.smoothing = layers, both, smoothing
        memory = HIDDEN * (1 + both)
        self.encoder = Encoder(cell, layers, both)
        self.decoder = Decoder(cell, layers, memory, attention, before, feeding, tied)
        if both:
            self.bridge = nn.ModuleDict({f"state0_l{l}": nn.Linear(memory, HIDDEN) for l in range(layers)})

    def inputs(self):
        def batch(lengths):
            tokens = torch.full((max(lengths), len(lengths)), PADDING, dtype=torch.int32)
            for k, n in enumerate(lengths):
                tokens[:n, k] = torch.randint(FIRST, VOCAB, (n,))
                tokens[n - 1, k] = END
            return tokens

        return {"source": batch(SOURCE_LENGTHS), "target": batch(TARGET_LENGTHS)}

    def forward(self, source, target):
        source, target = source.long(), target.long()
        memory, state = self.encoder(source)
        memory, mask = memory.transpose(0, 1), (source != PADDING).t()
        if self.both:  # a cell with one state
            ways = state.view(self.layers, 2, -1, HIDDEN)
            state = torch.stack([torch.tanh(self.bridge[f"state0_l{l}"](torch.cat([*ways[l]], 1))) for l in range(self.layers)])
        token, attentional = torch.full_like(target[0], START), memory.new_zeros(len(mask), HIDDEN)
        logits, weights = [], []
        for following in target:
            z, state, attentional, a = self.decoder.step(token, state, attentional, memory, mask)
            logits.append(z)
            weights.append(a)
            token = following
        logits = torch.stack(logits)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PADDING, label_smoothing=self.smoothing)
        return {"logits": logits, "weights": torch.stack(weights), "loss": loss}


class LanguageModel(nn.Module):
    """A language model with an adaptive softmax, PyTorch's own, or with a sampled one.

    PyTorch has no sampled softmax: it is written here from the definition of TensorFlow's sampled_softmax_loss, with the probabilities of its
    log-uniform sampler, of different samples that took so many tries, and samples that are the target left out for it.
    """

    def __init__(self, cutoffs=None, samples=0, tied=False):
        super().__init__()
        self.cutoffs, self.samples, self.tied, hidden, vocab = cutoffs, samples, tied, 16, 23
        self.embedding = nn.Embedding(vocab, hidden if tied else EMBED)
        self.rnn = nn.GRU(self.embedding.embedding_dim, hidden)
        self.output = nn.AdaptiveLogSoftmaxWithLoss(hidden, vocab, cutoffs) if cutoffs else nn.Linear(hidden, vocab)
        if tied:
            del self.output.weight

    def inputs(self):
        draw = lambda: torch.randint(self.embedding.num_embeddings, (STEPS, BATCH), dtype=torch.int32)
        inputs = {"tokens": draw(), "targets": draw()}
        if self.samples:
            hit = inputs["targets"][1, 1].item()
            others = [t for t in torch.randperm(self.embedding.num_embeddings).tolist() if t != hit]
            inputs["samples"] = torch.tensor([hit] + others[: self.samples - 1], dtype=torch.int32)
            inputs["tries"] = torch.tensor([self.samples + 3], dtype=torch.int32)
        return inputs

    def forward(self, tokens, targets, samples=None, tries=None):
        ys, _ = self.rnn(self.embedding(tokens.long()))
        xs, targets = ys.flatten(0, 1), targets.flatten().long()
        if self.cutoffs:
            return {"log_probs": self.output.log_prob(xs), "loss": self.output(xs, targets).loss}
        samples, bias = samples.long(), self.output.bias
        weight = self.embedding.weight if self.tied else self.output.weight
        vocab = len(weight)
        p = lambda token: torch.log((token + 2.0) / (token + 1.0)) / torch.log(torch.tensor(vocab + 1.0))
        expected = lambda token: -torch.expm1(tries * torch.log1p(-p(token)))
        right = (xs * weight[targets]).sum(1) + bias[targets] - torch.log(expected(targets))
        others = xs @ weight[samples].T + bias[samples] - torch.log(expected(samples))
        others = others.masked_fill(targets[:, None] == samples[None], -float("inf"))
        logits = torch.cat([right[:, None], others], 1)
        return {"log_probs": F.log_softmax(F.linear(xs, weight, bias), 1), "loss": F.cross_entropy(logits, torch.zeros_like(targets))}


CASES = {
    "lm-adaptive": lambda: LanguageModel(cutoffs=[6, 15]),
    "lm-adaptive-one": lambda: LanguageModel(cutoffs=[9]),
    "lm-sampled": lambda: LanguageModel(samples=7),
    "lm-sampled-tied": lambda: LanguageModel(samples=7, tied=True),
    "bahdanau": lambda: Translator(nn.GRU, "additive", both=True, before=True),
    "bahdanau-tied": lambda: Translator(nn.LSTM, "additive", layers=2, before=True, tied=True, smoothing=0.1),
    "luong-dot": lambda: Translator(nn.LSTM, "dot", layers=2),
    "luong-general": lambda: Translator(nn.GRU, "general", both=True, feeding=True),
    "luong-concat": lambda: Translator(nn.RNN, "concat", layers=2, both=True, smoothing=0.1),
}
for cell, make in {"rnn": nn.RNN, "relu": functools.partial(nn.RNN, nonlinearity="relu"), "gru": nn.GRU, "lstm": nn.LSTM}.items():
    for stack, layers, both in ("1", 1, False), ("2", 2, False), ("2-both", 2, True):
        for suffix, packed in ("", False), ("-packed", True):
            CASES[f"{cell}-{stack}{suffix}"] = lambda make=make, layers=layers, both=both, packed=packed: Layers(
                make(INPUT, HIDDEN, layers, bidirectional=both), packed)


def answer(model, tensors):
    """All tensors of a file, from the parameters and inputs among them."""
    group = lambda prefix: {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}
    model.load_state_dict(group("param."))
    inputs = group("input.")
    wrt = {"param." + k: p for k, p in model.named_parameters()}
    wrt.update({"input." + k: x.requires_grad_() for k, x in inputs.items() if x.is_floating_point()})
    outputs = model(**inputs)
    grads = torch.autograd.grad(outputs["loss"], list(wrt.values()))
    return {**tensors, **{"output." + k: y for k, y in outputs.items()}, **{"grad." + k: g for k, g in zip(wrt, grads)}}


def draw(model):
    """Inputs, and parameters large enough for gates to open and close and for attention to choose.

    Where attention's weights are nearly equal its derivatives are small differences, of which float32 keeps few digits.
    """
    params = {}
    for name, p in model.state_dict().items():
        bound = 2.0 if ".attention." in name else 0.8
        params["param." + name] = torch.empty_like(p).uniform_(-bound, bound)
    return {**params, **{"input." + k: x for k, x in model.inputs().items()}}


def write(path, tensors):
    header, data = {"__metadata__": {"torch": torch.__version__}}, b""
    for name, x in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        raw = bytes(x.detach().flatten().view(torch.uint8).tolist())
        dtype = {torch.float64: "F64", torch.int32: "I32"}[x.dtype]
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    tensors = {}
    for name, t in header.items():
        if name != "__metadata__":
            dtype = {"F32": torch.float32, "F64": torch.float64, "I32": torch.int32}[t["dtype"]]
            begin, end = t["data_offsets"]
            x = torch.frombuffer(bytearray(data[begin:end]), dtype=dtype).reshape(t["shape"])
            tensors[name] = x.double() if x.is_floating_point() else x
    return tensors


def main():
    if len(sys.argv) == 1:
        folder = os.path.dirname(os.path.abspath(__file__))
        for case, model in CASES.items():
            torch.manual_seed(zlib.crc32(case.encode()))
            model = model()
            write(os.path.join(folder, case + ".safetensors"), answer(model, draw(model)))
    elif len(sys.argv) == 3 and sys.argv[1] == "answer":
        for name in sorted(os.listdir(sys.argv[2])):
            path = os.path.join(sys.argv[2], name)
            write(path, answer(CASES[name[: -len(".safetensors")]](), read(path)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
