"""The scalar RNN of lesson 4 in PyTorch: python3 testdata/scalar.py > testdata/scalar.txt

Each line is a name and float32 numbers, printed so that they read back to the same bits.
"""
import torch


def show(name, *tensors):
    print(name, *(repr(float(t)) for t in tensors))


def scalar(x):
    return torch.tensor(float(x), requires_grad=True)


def run(name, w_xh, w_hh, h_0):
    weights = [scalar(w_xh), scalar(w_hh), scalar(0), scalar(4), scalar(5)]
    w_xh, w_hh, b_h, w_hy, b_y = weights

    def forward():
        h = torch.tensor(float(h_0))
        for x in [1, 5, 7, 4]:
            h = torch.tanh(w_hh * h + w_xh * x + b_h)
        y = torch.sigmoid(w_hy * h + b_y)
        return h, y, torch.nn.functional.mse_loss(y, torch.tensor(15.0))

    h, y, loss = forward()
    show(name + ".h", h)
    show(name + ".y", y)
    show(name + ".loss", loss)
    adam = torch.optim.Adam(weights, lr=0.1)
    loss.backward()
    show(name + ".gradients", *(w.grad for w in weights))
    adam.step()
    show(name + ".weights", *weights)
    show(name + ".loss_after", forward()[2])


run("saturated", -10, 10, -1)
run("gentle", -0.1, 0.5, -1)
