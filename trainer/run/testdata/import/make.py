"""Makes the models in this folder, and what they compute: logits.json.

    python3 make.py

PyTorch computes its own models; those of Keras are computed here with numpy, from the equations in Keras' documentation:
i f c o and z r h, kernels that are multiplied from the right, a GRU whose reset gate is applied after the product
(reset_after). Needs torch (1.13 made these files) and numpy.
"""
import json, struct
import numpy as np
import torch

torch.manual_seed(7)
rng = np.random.default_rng(7)
golden = {}


def save(name, tensors):
    header, data = {}, b""
    for key, x in tensors.items():
        x = np.ascontiguousarray(x, "<f4")
        header[key] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + x.nbytes]}
        data += x.tobytes()
    text = json.dumps(header).encode()
    with open(name + ".safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def state(module):
    return {k: v.detach().numpy() for k, v in module.state_dict().items()}


# A language model of characters, whose program numbers them in an order of its own.
class LM(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Embedding(7, 5)
        self.lstm = torch.nn.LSTM(5, 6, 2)
        self.decoder = torch.nn.Linear(6, 7)

    def forward(self, x):
        return self.decoder(self.lstm(self.encoder(x))[0])


chars = ["t", "h", "e", " ", "c", "a", "\n"]
model = LM()
save("torch-lm", state(model))
json.dump(chars, open("torch-lm-vocab.json", "w"))
text = "the cat"
logits = model(torch.tensor([[chars.index(c)] for c in text]))[:, 0]
golden["torch-lm"] = {"text": text, "tokens": chars, "logits": logits.tolist()}


# A classifier of words.
class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(6, 4)
        self.rnn = torch.nn.GRU(4, 3, 2, bidirectional=True)
        self.fc = torch.nn.Linear(6, 3)

    def forward(self, x):
        _, h = self.rnn(self.embedding(x))
        return self.fc(torch.cat([h[-2], h[-1]], 1))


words = ["<pad>", "<unk>", "good", "bad", "film", "a"]
model = Classifier()
save("torch-classifier", state(model))
open("torch-classifier-vocab.txt", "w").write("\n".join(words) + "\n")
texts = ["a good film", "bad", "a really bad film a"]
number = lambda w: words.index(w) if w in words else 1
logits = [model(torch.tensor([[number(w)] for w in t.split()]))[0].tolist() for t in texts]
golden["torch-classifier"] = {"texts": texts, "logits": logits}

# The same two with the semantics of Keras.
sigmoid = lambda x: 1 / (1 + np.exp(-x))
draw = lambda *shape: rng.normal(0, 0.5, shape).astype(np.float32).astype(np.float64)


def lstm(xs, kernel, recurrent, bias):
    h = c = np.zeros(recurrent.shape[0])
    hs = []
    for x in xs:
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs)


def gru(xs, kernel, recurrent, bias):
    h = np.zeros(recurrent.shape[0])
    hs = []
    for x in xs:
        xz, xr, xh = np.split(x @ kernel + bias[0], 3)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        h = z * h + (1 - z) * np.tanh(xh + r * hh)
        hs.append(h)
    return np.stack(hs)


weights = {"embedding_1/embeddings:0": draw(7, 5)}
size = 5
for layer in ["lstm_3", "lstm_4"]:
    weights[layer + "/lstm_cell/kernel:0"] = draw(size, 24)
    weights[layer + "/lstm_cell/recurrent_kernel:0"] = draw(6, 24)
    weights[layer + "/lstm_cell/bias:0"] = draw(24)
    size = 6
weights["dense/kernel:0"], weights["dense/bias:0"] = draw(6, 7), draw(7)
save("keras-lm", weights)
y = weights["embedding_1/embeddings:0"][[chars.index(c) for c in text]]
for layer in ["lstm_3", "lstm_4"]:
    y = lstm(y, *[weights[f"{layer}/lstm_cell/{k}:0"] for k in ["kernel", "recurrent_kernel", "bias"]])
golden["keras-lm"] = {"text": text, "tokens": chars,
                      "logits": (y @ weights["dense/kernel:0"] + weights["dense/bias:0"]).tolist()}

weights = {"embedding/embeddings": draw(6, 4)}
size = 4
for layer in ["bidirectional", "bidirectional_1"]:
    for way in ["forward_gru", "backward_gru"]:
        weights[f"{layer}/{way}/gru_cell/kernel"] = draw(size, 9)
        weights[f"{layer}/{way}/gru_cell/recurrent_kernel"] = draw(3, 9)
        weights[f"{layer}/{way}/gru_cell/bias"] = draw(2, 9)
    size = 6
weights["dense/kernel"], weights["dense/bias"] = draw(6, 3), draw(3)
save("keras-classifier", weights)
logits = []
for t in texts:
    y = weights["embedding/embeddings"][[number(w) for w in t.split()]]
    for layer in ["bidirectional", "bidirectional_1"]:
        ways = []
        for way in ["forward_gru", "backward_gru"]:
            xs = y if way == "forward_gru" else y[::-1]
            hs = gru(xs, *[weights[f"{layer}/{way}/gru_cell/{k}"] for k in ["kernel", "recurrent_kernel", "bias"]])
            ways.append(hs if way == "forward_gru" else hs[::-1])
        last = np.concatenate([ways[0][-1], ways[1][0]])
        y = np.concatenate(ways, 1)
    logits.append((last @ weights["dense/kernel"] + weights["dense/bias"]).tolist())
golden["keras-classifier"] = {"texts": texts, "logits": logits}
json.dump(golden, open("logits.json", "w"), indent=1)
