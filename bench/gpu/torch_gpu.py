"""Training steps of the reference workloads on PyTorch, on a GPU.

    python3 bench/gpu/torch_gpu.py [--compile] [--workloads lstm,coupled] [--precisions fp32,tf32,bf16] [--seconds S] [--device cuda] [--tiny]

The models are those of bench/peers/torch.py: with --compile through torch.compile, otherwise as they are, and as one CUDA graph of the whole
step. A line for each as it is measured; what fails says so in its line and ends nothing else. The time of a step is that of groups of ten
between two synchronisations, as training that does not look at every loss.
"""
import argparse, importlib.util, os, sys, time
import torch

spec = importlib.util.spec_from_file_location("peer", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "torch.py"))
peer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peer)

# B, T, inputs, hidden, layers, gates, outputs; of seq2seq: B, T, embedding, hidden, source words, gates, target words
SIZES = {
    "lstm": (50, 50, 65, 512, 2, 4, 65),
    "coupled": (50, 50, 65, 512, 2, 3, 65),
    "rnn": (50, 50, 65, 256, 1, 1, 65),
    "rows": (64, 28, 28, 256, 2, 1, 10),
    "seq2seq-gru": (128, 24, 256, 512, 8000, 3, 6000),
    "seq2seq-lstm": (128, 24, 256, 512, 8000, 4, 6000),
}
TINY = {
    "lstm": (3, 4, 7, 6, 2, 4, 7),
    "coupled": (3, 4, 7, 6, 2, 3, 7),
    "rnn": (3, 4, 7, 6, 1, 1, 7),
    "rows": (3, 4, 7, 6, 2, 1, 5),
    "seq2seq-gru": (3, 4, 5, 6, 11, 3, 9),
    "seq2seq-lstm": (3, 4, 5, 6, 11, 4, 9),
}
FORMS = {  # in the order of worth, should time run out; coupled is a cell of a user's own, for which torch.nn has no module
    "lstm": ("nn", "steps"), "coupled": ("steps",), "seq2seq-gru": ("hoisted", "literal"),
    "rnn": ("nn", "steps"), "rows": ("nn", "steps"), "seq2seq-lstm": ("hoisted", "literal"),
}
WORDS = {"nn": "nn module (cuDNN)", "steps": "loop over steps", "hoisted": "loop, by an expert", "literal": "loop, as it is taught"}


def uniform(*shape):
    return (torch.rand(*shape) * 2 - 1) / shape[-1] ** 0.5


def recurrent(p, prefix, inputs, hidden, layers, gates, bidirectional=False):
    for l in range(layers):
        for end in ("", "_reverse") if bidirectional else ("",):
            for what, shape in (("weight_ih", (gates * hidden, inputs)), ("weight_hh", (gates * hidden, hidden)), ("bias_ih", (gates * hidden,)), ("bias_hh", (gates * hidden,))):
                p["%s.%s_l%d%s" % (prefix, what, l, end)] = uniform(*shape)
        inputs = hidden


def linear(p, name, inputs, outputs):
    p[name + ".weight"], p[name + ".bias"] = uniform(outputs, inputs), uniform(outputs)


def numbers(workload, size):
    """Parameters and inputs, with the names of bench/peers."""
    torch.manual_seed(1)
    p = {}
    if workload.startswith("seq2seq"):
        b, t, e, h, source, g, target = size
        p["encoder.embedding"], p["decoder.embedding"] = torch.randn(source, e), torch.randn(target, e)
        recurrent(p, "encoder.rnn", e, h, 1, g, bidirectional=True)
        linear(p, "encoder.state", 2 * h, h)
        linear(p, "attention", 3 * h, h)
        p["attention.v"] = uniform(1, h)
        recurrent(p, "decoder.rnn", 2 * h + e, h, 1, g)
        linear(p, "output", 3 * h + e, target)
        tokens = lambda n, steps: torch.randint(0, n, (steps, b))
        return p, {"source": tokens(source, t), "inputs": tokens(target, t - 1), "targets": tokens(target, t - 1)}
    b, t, i, h, layers, g, out = size
    recurrent(p, "rnn", i, h, layers, g)
    linear(p, "output", h, out)
    if workload == "rows":
        return p, {"rows": torch.rand(t, b, i), "targets": torch.randint(0, out, (b,))}
    return p, {"tokens": torch.randint(0, i, (t, b)), "targets": torch.randint(0, out, (t, b))}


def trained(workload, form, device, mode, size, precision):
    """A training step, forward, backward and Adam, that gives the loss. bf16: as torch.autocast has it."""
    params, inputs = numbers(workload, size)
    inputs = {k: v.to(device) for k, v in inputs.items()}
    model, loss_of = (peer.seq2seq if workload.startswith("seq2seq") else peer.stacked)(params, inputs, form)
    model.to(device)
    options = {"fused": True, "capturable": True} if device == "cuda" else {}
    adam = torch.optim.Adam(model.parameters(), lr=peer.LEARNING_RATE, **options)
    if mode == "compile":
        loss_of = torch.compile(loss_of)

    def step():
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of()
        loss.backward()
        adam.step()
        return loss

    if mode != "graph":
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay():
        graph.replay()
        return loss

    return replay


def measure(step, device, seconds):
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(5):
        step()
    wait()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            loss = step()
        wait()
        times.append((time.perf_counter() - start) / 10)
    times.sort()
    return times, float(loss)


def set_precision(name):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--compile", action="store_true")
    a.add_argument("--workloads", help="default: " + ",".join(FORMS))
    a.add_argument("--precisions", default="fp32,tf32")
    a.add_argument("--seconds", type=float, default=1)
    a.add_argument("--device", default="cuda")
    a.add_argument("--tiny", action="store_true")
    o = a.parse_args()
    if o.device == "cuda" and not torch.cuda.is_available():
        print("PyTorch %s finds no GPU" % torch.__version__)
        return 69
    name = torch.cuda.get_device_name() if o.device == "cuda" else o.device
    print("PyTorch %s on %s" % (torch.__version__, name), flush=True)
    print("%-13s %-22s %-8s %-5s %10s %10s %10s %10s" % ("workload", "form", "mode", "", "median ms", "p95 ms", "best ms", "first s"), flush=True)
    failed = 0
    for precision in o.precisions.split(","):
        set_precision(precision)
        for workload in o.workloads.split(",") if o.workloads else FORMS:
            forms = FORMS[workload]
            for form in forms:
                for mode in ("compile",) if o.compile else ("eager", "graph") if o.device == "cuda" else ("eager",):
                    if o.compile and form in ("nn", "literal"):
                        continue
                    line = "%-13s %-22s %-8s %-5s" % (workload, WORDS[form], mode, precision)
                    try:
                        start = time.perf_counter()
                        step = trained(workload, form, o.device, mode, (TINY if o.tiny else SIZES)[workload], precision)
                        step()
                        if o.device == "cuda":
                            torch.cuda.synchronize()
                        first = time.perf_counter() - start
                        times, loss = measure(step, o.device, o.seconds)
                        ms = lambda q: 1e3 * times[min(len(times) - 1, int(q * len(times)))]
                        print("%s %10.3f %10.3f %10.3f %10.2f  loss %.4f" % (line, ms(0.5), ms(0.95), 1e3 * times[0], first, loss), flush=True)
                    except Exception as e:
                        failed += 1
                        print("%s failed: %s" % (line, str(e).split("\n")[0]), flush=True)
    return 1 if failed else 0


sys.exit(main())
