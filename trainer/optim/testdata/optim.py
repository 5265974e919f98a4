"""Writes optim.json: the weights after each of 20 steps of PyTorch's optimizers and schedules, which the tests compare with unroll's.

The loss is the sum of a (w - t)^2 over a matrix of 2x3 and a bias of 3. All is float64.

    python3 optim.py > optim.json
"""
import json
import math

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop, SparseAdam
from torch.optim import lr_scheduler as schedules

STEPS = 20
SCALES = [[1, 0.1, 3], [0.5, 7, 2]], [0.2, 1, 4]
TARGETS = [[0.3, -2, 1], [4, 0, 0.01]], [1, -1, 0.5]
START = [[1, 1, -1], [2, 0.5, 0.01]], [0, 0.3, 0.5]


def tensors(of, **kw):
    return [torch.tensor(x, dtype=torch.float64, **kw) for x in of]


def run(optimizer, clip=None, schedule=None):
    """The weights and the gradient's norm, step by step."""
    params = tensors(START, requires_grad=True)
    scales, targets = tensors(SCALES), tensors(TARGETS)
    o = optimizer(params)
    s = schedule(o) if schedule else None
    steps = []
    for _ in range(STEPS):
        o.zero_grad()
        sum((a * (w - t) ** 2).sum() for a, w, t in zip(scales, params, targets)).backward()
        norm = math.sqrt(sum((p.grad ** 2).sum().item() for p in params))
        if clip:
            clip(params)
        rate = o.param_groups[0]["lr"]
        o.step()
        if s:
            s.step()
        steps.append({"rate": rate, "norm": norm, "weights": sum((p.detach().flatten().tolist() for p in params), [])})
    return steps


def groups(first, second):
    return lambda params: [{"params": params[:1], **first}, {"params": params[1:], **second}]


def optimizers():
    lr = 0.05
    yield "sgd", run(lambda p: SGD(p, lr))
    yield "momentum", run(lambda p: SGD(p, lr, momentum=0.9))
    yield "nesterov", run(lambda p: SGD(p, lr, momentum=0.9, nesterov=True))
    yield "adam", run(lambda p: Adam(p, lr))
    yield "adagrad", run(lambda p: Adagrad(p, lr))
    yield "rmsprop", run(lambda p: RMSprop(p, lr))
    yield "rmsprop momentum", run(lambda p: RMSprop(p, lr, momentum=0.9))
    yield "rmsprop centered", run(lambda p: RMSprop(p, lr, centered=True))
    yield "rmsprop centered momentum", run(lambda p: RMSprop(p, lr, momentum=0.9, centered=True))
    split = groups({"weight_decay": 0.1}, {"weight_decay": 0})
    yield "adamw", run(lambda p: AdamW(split(p), lr))
    yield "adam l2", run(lambda p: Adam(split(p), lr))
    yield "sgd l2", run(lambda p: SGD(split(p), lr, momentum=0.9))
    rates = groups({"lr": lr, "weight_decay": 0.1}, {"lr": 3 * lr, "weight_decay": 0.2})
    yield "groups", run(lambda p: AdamW(rates(p)))
    yield "clip", run(lambda p: SGD(p, lr), clip=lambda p: clip_grad_norm_(p, 2))
    yield "clip value", run(lambda p: SGD(p, lr), clip=lambda p: clip_grad_value_(p, 0.7))
    yield "scheduled", run(lambda p: Adam(p, lr), schedule=lambda o: schedules.CosineAnnealingLR(o, 15))


def factors(schedule, scores=None, steps=40):
    """The factor of the learning rate at each step; the schedule sees the score of a step before the next."""
    o = SGD([torch.zeros(1, requires_grad=True)], 1.0)
    s = schedule(o)
    out = []
    for i in range(steps):
        out.append(o.param_groups[0]["lr"])
        o.step()
        s.step(*([scores[i]] if scores else []))
    return out


def rates():
    yield "step", factors(lambda o: schedules.StepLR(o, 7, 0.3))
    # Beyond its last step PyTorch's cosine rises again.
    yield "cosine", factors(lambda o: schedules.CosineAnnealingLR(o, 30, 0.1), steps=31)
    yield "linear", factors(lambda o: schedules.LinearLR(o, 1, 0.1, 30))
    yield "warm-up", factors(lambda o: schedules.LinearLR(o, 0.1, 1, 9))
    yield "plateau", factors(lambda o: schedules.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=0, min_lr=0.1), SCORES)
    yield "plateau upwards", factors(lambda o: schedules.ReduceLROnPlateau(o, "max", factor=0.5, patience=1, threshold=0), SCORES)


def lookups():
    """Sparse gradients: a table of 5x2 of which each step reads four rows, some twice, with the loss of the tests of Rows."""
    start = [[1, -2], [0.3, 4], [0, 0.5], [-1, 2], [3, 0.2]]
    index = [[k % 5, k * k % 5, 2 * k % 5, k % 3] for k in range(STEPS)]
    weight = torch.arange(1, 5, dtype=torch.float64)[:, None]
    steps = {}
    for name, make in {"sgd": SGD, "adagrad": Adagrad, "adam": SparseAdam}.items():
        table = torch.nn.Embedding.from_pretrained(torch.tensor(start, dtype=torch.float64), freeze=False, sparse=True)
        o = make(list(table.parameters()), lr=0.05)
        steps[name] = []
        for i in index:
            o.zero_grad()
            (weight * (table(torch.tensor(i)) - 1) ** 2).sum().backward()
            o.step()
            steps[name].append(table.weight.detach().flatten().tolist())
    return {"start": sum(start, []), "index": index, "optimizers": steps}


SCORES = [5, 4, 4, 4.5, 4, 3, 3.5, 3, 3, 3, 2, 2.5, 2.6, 2.7, 2.8, 1, 1, 1, 1, 1] + [1.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1] + [0.4] * 10

print(json.dumps({"start": START, "scales": SCALES, "targets": TARGETS, "scores": SCORES, "optimizers": dict(optimizers()), "schedules": dict(rates()),
                  "rows": lookups()}))
