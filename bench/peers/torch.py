"""The training steps of bench/peers on PyTorch.

Reads requests from standard input, one JSON object a line, and answers each with one line:

    {"do": "build", "workload": W, "form": F, "threads": N, "file": PATH}   -> {"parameters": how many numbers are trained}
    {"do": "step", "form": F}                -> {"loss": before the step, "norm": of all gradients together}
    {"do": "run", "form": F, "seconds": S}   -> {"ms": [of every step]}: at least one step, and no more than about S seconds of them
    {"do": "clear"}                          -> {}: forgets all that was built

A failure is answered with {"error": TEXT}. The file holds parameters and inputs in the safetensors format; the shapes in it are all that is
known of sizes. Every form computes the same from the same parameters, and trains as many numbers.
"""
import json, struct, sys, time
from typing import List
import torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

LEARNING_RATE = 1e-3


def read(path):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    out = {}
    for name, t in json.loads(data[8:start]).items():
        if name != "__metadata__":
            kind = {"F32": torch.float32, "I32": torch.int32}[t["dtype"]]
            count = 1
            for d in t["shape"]:
                count *= d
            x = torch.frombuffer(data, dtype=kind, count=count, offset=start + t["data_offsets"][0]).reshape(t["shape"]).clone()
            out[name] = x.long() if kind == torch.int32 else x
    inputs = {k[3:]: v for k, v in out.items() if k.startswith("in/")}
    return {k: v for k, v in out.items() if not k.startswith("in/")}, inputs


def gates(params, name):
    return params[name + ".weight_ih_l0"].shape[0] // params[name + ".weight_hh_l0"].shape[1]


def module(params, prefix, kind, **options):
    """A module of torch.nn for the recurrent layers of that prefix, with their parameters."""
    n = len([k for k in params if k.startswith(prefix + ".weight_ih_l") and not k.endswith("_reverse")])
    w, u = params[prefix + ".weight_ih_l0"], params[prefix + ".weight_hh_l0"]
    m = kind(w.shape[1], u.shape[1], n, **options)
    m.load_state_dict({k[len(prefix) + 1:]: v for k, v in params.items() if k.startswith(prefix + ".")})
    return m


KINDS = {1: nn.RNN, 3: nn.GRU, 4: nn.LSTM}


def rnn_layer(xw: List[torch.Tensor], u: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    hs: List[torch.Tensor] = []
    for z in xw:
        h = torch.tanh(torch.addmm(z, h, u))
        hs.append(h)
    return torch.stack(hs)


def lstm_layer(xw: List[torch.Tensor], u: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    hs: List[torch.Tensor] = []
    c = h
    for z in xw:
        i, f, g, o = torch.addmm(z, h, u).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs)


def coupled_layer(xw: List[torch.Tensor], u: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    hs: List[torch.Tensor] = []
    c = h
    for z in xw:
        f, g, o = torch.addmm(z, h, u).chunk(3, 1)
        g = torch.tanh(g)
        c = g + torch.sigmoid(f) * (c - g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs)


class Layers(nn.Module):
    """Recurrent layers by hand: x·W of all steps is one product, and so is the weights' gradient of it."""

    def __init__(self, params, layer):
        super().__init__()
        self.layer = layer
        self.p = nn.ParameterDict({k[4:]: nn.Parameter(v) for k, v in params.items() if k.startswith("rnn.")})

    def forward(self, x):
        l = 0
        while "weight_ih_l%d" % l in self.p:
            p = lambda what: self.p["%s_l%d" % (what, l)]
            bias = p("bias") if "bias_l%d" % l in self.p else p("bias_ih") + p("bias_hh")
            xw = F.linear(x, p("weight_ih"), bias).unbind(0)  # unbind: the derivative of xw[t] would take O(T²)
            u = p("weight_hh").t()
            x = self.layer(xw, u, x.new_zeros(x.shape[1], u.shape[0]))
            l += 1
        return (x,)


class Checkpointed(nn.Module):
    """One layer whose states are kept at the starts of segments only; the others are computed again on the way back."""

    def __init__(self, layer, steps):
        super().__init__()
        self.layer, self.steps = layer, steps

    def forward(self, x):
        h = x.new_zeros(1, x.shape[1], self.layer.hidden_size)
        c, outs = h, []
        for part in x.split(self.steps):
            y, h, c = checkpoint(self.segment, part, h, c, use_reentrant=False)
            outs.append(y)
        return (torch.cat(outs),)

    def segment(self, x, h, c):
        y, (h, c) = self.layer(x, (h, c))
        return y, h, c


def head(params, inputs, layers, of):
    """Recurrent layers, a linear one on what `of` takes of their outputs, and cross-entropy."""
    w = params["output.weight"]
    out = nn.Linear(w.shape[1], w.shape[0])
    out.load_state_dict({"weight": w, "bias": params["output.bias"]})
    m = nn.ModuleList([layers, out])
    x = F.one_hot(inputs["tokens"], params["rnn.weight_ih_l0"].shape[1]).float() if "tokens" in inputs else inputs["rows"]
    targets = inputs["targets"].reshape(-1)
    return m, lambda: F.cross_entropy(out(of(layers(x)[0])).reshape(-1, w.shape[0]), targets)


def stacked(params, inputs, form):
    n = gates(params, "rnn")
    if form == "nn":
        layers = module(params, "rnn", KINDS[n])
    elif form == "checkpointed":
        layers = Checkpointed(module(params, "rnn", KINDS[n]), 64)
    else:
        layer = {1: rnn_layer, 3: coupled_layer, 4: lstm_layer}[n]
        layers = Layers(params, torch.jit.script(layer) if form == "scripted" else layer)
    last = lambda hs: hs[-1] if "rows" in inputs else hs
    return head(params, inputs, layers, last)


def forecast(params, inputs, form):
    """The last state of recurrent layers, a linear one, and the mean absolute error of what it corrects."""
    m = nn.ModuleList([module(params, "rnn", KINDS[gates(params, "rnn")]), linear(params, "head")])
    base, truth = inputs["base"].squeeze(2), inputs["truth"].squeeze(2)
    return m, lambda: F.l1_loss(m[1](m[0](inputs["rows"])[0][-1]) + base, truth)


class Encoder(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(p["encoder.embedding"], freeze=False)
        self.rnn = module(p, "encoder.rnn", KINDS[gates(p, "encoder.rnn")], bidirectional=True)
        self.state = linear(p, "encoder.state")

    def forward(self, source):
        out, ends = self.rnn(self.embedding(source))
        h = ends[0] if isinstance(ends, tuple) else ends
        return out, torch.tanh(self.state(torch.cat((h[-2], h[-1]), 1)))


def linear(p, name):
    w = p[name + ".weight"]
    m = nn.Linear(w.shape[1], w.shape[0])
    m.load_state_dict({"weight": w, "bias": p[name + ".bias"]})
    return m


class Literal(nn.Module):
    """As it is taught (bentrevett/pytorch-seq2seq, notebook 3), with teacher forcing in all steps."""

    def __init__(self, p):
        super().__init__()
        self.encoder = Encoder(p)
        self.attention = linear(p, "attention")
        self.v = nn.Linear(p["attention.v"].shape[1], 1, bias=False)
        self.v.load_state_dict({"weight": p["attention.v"]})
        self.embedding = nn.Embedding.from_pretrained(p["decoder.embedding"], freeze=False)
        self.rnn = module(p, "decoder.rnn", KINDS[gates(p, "decoder.rnn")])
        self.output = linear(p, "output")

    def forward(self, source, inputs):
        enc, h = self.encoder(source)
        enc = enc.permute(1, 0, 2)
        c = torch.zeros_like(h)
        outs = []
        for token in inputs:
            e = self.embedding(token.unsqueeze(0))
            repeated = h.unsqueeze(1).repeat(1, enc.shape[1], 1)
            energy = torch.tanh(self.attention(torch.cat((repeated, enc), 2)))
            weights = F.softmax(self.v(energy).squeeze(2), 1)
            w = torch.bmm(weights.unsqueeze(1), enc).permute(1, 0, 2)
            x = torch.cat((e, w), 2)
            if isinstance(self.rnn, nn.LSTM):
                o, (h, c) = self.rnn(x, (h.unsqueeze(0), c.unsqueeze(0)))
                c = c.squeeze(0)
            else:
                o, h = self.rnn(x, h.unsqueeze(0))
            h = h.squeeze(0)
            outs.append(self.output(torch.cat((o.squeeze(0), w.squeeze(0), e.squeeze(0)), 1)))
        return torch.stack(outs)


class Hoisted(nn.Module):
    """By an expert: only what depends on the decoder's state is in the loop, and the logits are one product."""

    def __init__(self, p):
        super().__init__()
        self.encoder = Encoder(p)
        w = p["attention.weight"]
        h = w.shape[0]
        par = lambda x: nn.Parameter(x.clone().contiguous())
        self.ua, self.wa, self.ba = par(w[:, :h]), par(w[:, h:]), par(p["attention.bias"])
        self.v = par(p["attention.v"][0])
        self.embedding = nn.Embedding.from_pretrained(p["decoder.embedding"], freeze=False)
        wx = p["decoder.rnn.weight_ih_l0"]
        e = wx.shape[1] - 2 * h
        self.wx, self.wc, self.bx = par(wx[:, :e]), par(wx[:, e:]), par(p["decoder.rnn.bias_ih_l0"])
        self.wh, self.bh = par(p["decoder.rnn.weight_hh_l0"]), par(p["decoder.rnn.bias_hh_l0"])
        self.gates = gates(p, "decoder.rnn")
        self.output = linear(p, "output")

    def forward(self, source, inputs):
        enc, h = self.encoder(source)
        enc = enc.permute(1, 0, 2).contiguous()
        keys = F.linear(enc, self.wa, self.ba)
        e = self.embedding(inputs)
        c = torch.zeros_like(h)
        hs, ws = [], []
        for xw in F.linear(e, self.wx, self.bx).unbind(0):
            weights = F.softmax(torch.matmul(torch.tanh(keys + F.linear(h, self.ua).unsqueeze(1)), self.v), 1)
            w = torch.bmm(weights.unsqueeze(1), enc).squeeze(1)
            zx, zh = torch.addmm(xw, w, self.wc.t()), F.linear(h, self.wh, self.bh)
            if self.gates == 3:
                rx, ux, nx = zx.chunk(3, 1)
                rh, uh, nh = zh.chunk(3, 1)
                r, u = torch.sigmoid(rx + rh), torch.sigmoid(ux + uh)
                n = torch.tanh(nx + r * nh)
                h = n + u * (h - n)
            else:
                i, f, g, o = (zx + zh).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
            ws.append(w)
        return self.output(torch.cat((torch.stack(hs), torch.stack(ws), e), 2))


def seq2seq(params, inputs, form):
    m = {"literal": Literal, "hoisted": Hoisted}[form](params)
    targets = inputs["targets"].reshape(-1)
    v = params["output.weight"].shape[0]
    return m, lambda: F.cross_entropy(m(inputs["source"], inputs["inputs"]).reshape(-1, v), targets)


class Trained:
    """A training step: forward, backward, Adam."""

    def __init__(self, model, loss):
        self.loss, self.params = loss, list(model.parameters())
        self.adam = torch.optim.Adam(self.params, lr=LEARNING_RATE)

    def parameters(self):
        return sum(p.numel() for p in self.params)

    def step(self):
        self.adam.zero_grad(set_to_none=True)
        self.value = self.loss()
        self.value.backward()
        self.adam.step()

    def result(self):
        """Of the last step; its gradients are still there."""
        return float(self.value), float(torch.sqrt(sum(p.grad.double().pow(2).sum() for p in self.params)))


class Derived:
    """Recurrent layers and all their gradients, that of their input, too."""

    def __init__(self, params, inputs):
        self.layers = module(params, "rnn", KINDS[gates(params, "rnn")])
        self.x, self.g = inputs["rows"].requires_grad_(), inputs["g"]
        self.of = list(self.layers.parameters()) + [self.x]

    def parameters(self):
        return sum(p.numel() for p in self.of)

    def step(self):
        for p in self.of:
            p.grad = None
        self.value = (self.layers(self.x)[0] * self.g).mean()
        self.value.backward()

    def result(self):
        return float(self.value), float(torch.sqrt(sum(p.grad.double().pow(2).sum() for p in self.of)))


class Products:
    def __init__(self, params, inputs):
        self.u, self.xs = params["u"], inputs["rows"]
        self.z = torch.empty(self.xs.shape[0], self.xs.shape[1], self.u.shape[1])

    def parameters(self):
        return self.u.numel()

    def step(self):
        h = torch.zeros_like(self.xs[0])
        n = h.shape[1]
        with torch.no_grad():
            for x, z in zip(self.xs, self.z):
                torch.mm(h, self.u, out=z)
                h = z[:, :n] + x

    def result(self):
        squares = self.z.double().pow(2).sum()
        return float(squares / self.z.numel()), float(torch.sqrt(squares))


def checksum(tokens):
    n = 0
    for t in tokens:
        n = (n * 31 + t) % 8191
    return 1 + n


class Writer(nn.Module):
    """A step of a language model: the likeliest next character, with its logit."""

    def __init__(self, params):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(params["embedding.weight"])
        self.rnn, self.output = module(params, "rnn", nn.LSTM), linear(params, "output")

    def forward(self, token, h, c):
        y, (h, c) = self.rnn(self.embedding(token), (h, c))
        logit, token = self.output(y[0]).max(1, keepdim=True)
        return token, logit, h, c


class Sampled:
    def __init__(self, params, inputs, form):
        self.model, self.steps = Writer(params).eval(), int(inputs["steps"])
        self.zero = torch.zeros(self.model.rnn.num_layers, 1, self.model.rnn.hidden_size)
        self.numbers = sum(v.numel() for v in params.values())
        if form == "traced":
            with torch.inference_mode():
                first = torch.zeros(1, 1, dtype=torch.long)
                self.model = torch.jit.freeze(torch.jit.trace(self.model, (first, self.zero, self.zero)))

    def parameters(self):
        return self.numbers

    def step(self):
        token, h, c = torch.zeros(1, 1, dtype=torch.long), self.zero, self.zero
        self.tokens, self.logits = [], []
        with torch.inference_mode():
            for _ in range(self.steps):
                token, logit, h, c = self.model(token, h, c)
                self.tokens.append(int(token))
                self.logits.append(logit)

    def result(self):
        return float(torch.cat(self.logits).mean()), checksum(self.tokens)


class Translated:
    """A beam search for a whole batch at once; with a width of 1 it takes the likeliest word at every step. Of each
    source the likeliest translation is the result, one that has ended or one that was cut."""

    PAD, START, END = 0, 2, 3

    def __init__(self, params, inputs):
        self.source, self.width, self.longest = inputs["source"], int(inputs["width"]), int(inputs["longest"])
        self.numbers = sum(v.numel() for v in params.values())
        self.reads, self.writes = params["encoder.embedding.weight"], params["decoder.embedding.weight"]
        self.encoder = module(params, "encoder.rnn", nn.GRU, bidirectional=True)
        self.decoder = module(params, "decoder.rnn", nn.GRU)
        self.bridge, self.output = linear(params, "bridge.state0_l0"), linear(params, "decoder.output")
        self.query, self.keys, self.v = [params["decoder.attention." + n] for n in ("query.weight", "memory.weight", "v")]
        self.attentional = params["decoder.attentional.weight"]

    def parameters(self):
        return self.numbers

    def read(self):
        lengths = (self.source != self.PAD).sum(0)
        packed = nn.utils.rnn.pack_padded_sequence(F.embedding(self.source, self.reads), lengths, enforce_sorted=False)
        outputs, ends = self.encoder(packed)
        memory = nn.utils.rnn.pad_packed_sequence(outputs)[0].transpose(0, 1)
        h = torch.tanh(self.bridge(torch.cat((ends[0], ends[1]), 1)))
        return memory, F.linear(memory, self.keys), self.source.t() == self.PAD, h

    def write(self, token, h, memory, keys, padding):
        out, h = self.decoder(F.embedding(token, self.writes).unsqueeze(0), h.unsqueeze(0))
        energy = torch.tanh(keys + F.linear(out[0], self.query).unsqueeze(1)) @ self.v
        weights = F.softmax(energy.masked_fill(padding, float("-inf")), 1)
        context = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
        return self.output(torch.tanh(F.linear(torch.cat((context, out[0]), 1), self.attentional))), h[0]

    def step(self):
        with torch.inference_mode():
            self.best = self.search()

    def search(self):
        rows, width = self.source.shape[1], self.width
        seen = [x.repeat_interleave(width, 0) for x in self.read()]
        h, seen = seen[3], seen[:3]
        token = torch.full((rows * width,), self.START)
        score = torch.full((rows, width), float("-inf"), dtype=torch.double)
        score[:, 0] = 0
        history = torch.zeros(rows * width, 0, dtype=torch.long)
        ended = [[] for _ in range(rows)]
        for _ in range(self.longest):
            logits, h = self.write(token, h, *seen)
            norm = logits.logsumexp(1, keepdim=True).double()  # float32 has no digits left for sums of ln p
            logits[:, [self.PAD, self.START]] = float("-inf")
            value, word = logits.topk(2 * width, 1)
            total = (value.double() - norm).view(rows, width, -1) + score.unsqueeze(2)
            top, at = total.view(rows, -1).topk(2 * width, 1)
            words = word.view(rows, -1).gather(1, at).tolist()
            top, parents = top.tolist(), torch.div(at, 2 * width, rounding_mode="floor").tolist()
            token, parent, score = [], [], []
            for row in range(rows):
                live = 0
                for rank, (value, before, word) in enumerate(zip(top[row], parents[row], words[row])):
                    before += row * width
                    if word == self.END:
                        if rank < width:
                            ended[row].append((value, history[before].tolist() + [word]))
                    elif live < width:
                        live += 1
                        token.append(word), parent.append(before), score.append(value)
            token, parent, score = torch.tensor(token), torch.tensor(parent), torch.tensor(score, dtype=torch.double).view(rows, width)
            h, history = h[parent], torch.cat((history[parent], token.unsqueeze(1)), 1)
        for row in range(rows):
            ended[row].append((float(score[row, 0]), history[row * width].tolist()))
        return [max(of, key=lambda x: x[0]) for of in ended]

    def result(self):
        tokens = [t for _, words in self.best for t in words]
        return sum(value for value, _ in self.best) / len(tokens), checksum(tokens)


def build(r):
    torch.set_num_threads(r["threads"])
    params, inputs = read(r["file"])
    if r["workload"] == "sample":
        return Sampled(params, inputs, r["form"])
    if r["workload"] in ("translate", "beam"):
        return Translated(params, inputs)
    if r["workload"] == "products":
        return Products(params, inputs)
    if r["workload"].startswith("layers-"):
        return Derived(params, inputs)
    make = {"seq2seq-gru": seq2seq, "seq2seq-lstm": seq2seq, "forecast": forecast}.get(r["workload"], stacked)
    return Trained(*make(params, inputs, r["form"]))


def run(job, seconds):
    ms, end = [], time.perf_counter() + seconds
    while not ms or time.perf_counter() + ms[-1] / 1e3 < end:
        start = time.perf_counter()
        job.step()
        ms.append((time.perf_counter() - start) * 1e3)
    return ms


def answer(jobs, r):
    if r["do"] == "build":
        jobs[r["form"]] = job = build(r)
        return {"parameters": job.parameters()}
    if r["do"] == "clear":
        jobs.clear()
        return {}
    job = jobs[r["form"]]
    if r["do"] == "step":
        job.step()
        return dict(zip(("loss", "norm"), job.result()))
    return {"ms": run(job, r["seconds"])}


def main():
    jobs = {}
    print(json.dumps({"version": "PyTorch " + torch.__version__}), flush=True)
    for line in sys.stdin:
        try:
            reply = answer(jobs, json.loads(line))
        except Exception as e:
            reply = {"error": "%s: %s" % (type(e).__name__, e)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
