"""Times PyTorch on the networks of networks.mjs: eager, and compiled with max-autotune, which uses CUDA graphs.

Usage: python3 torch_bench.py [steps]. TF32 is off in the rows "float32" and on in the rows "tf32", as in check.mjs.
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 500
BATCH = 128
IMAGES = 10_000
device = "cuda"


class Dense(nn.Module):
    pixels, latent = 784, 20

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 500), nn.ELU(), nn.Linear(500, 500), nn.Tanh(), nn.Linear(500, 40)
        )
        self.decoder = nn.Sequential(
            nn.Linear(20, 500), nn.Tanh(), nn.Linear(500, 500), nn.ELU(), nn.Linear(500, 784)
        )


class Convolutional(nn.Module):
    """Convolutions with kernel 4, stride 2, padding 1, mirrored; a dense layer of 256 where `hidden`."""

    def __init__(self, channels, side, widths, hidden, latent):
        super().__init__()
        self.pixels, self.latent = channels * side * side, latent
        last = side // 2 ** len(widths)
        flat = widths[-1] * last * last
        down, width = [nn.Unflatten(1, (channels, side, side))], channels
        for w in widths:
            down += [nn.Conv2d(width, w, 4, 2, 1), nn.ReLU()]
            width = w
        down += [nn.Flatten()]
        up = []
        if hidden:
            down += [nn.Linear(flat, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)]
            up += [nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, flat), nn.ReLU()]
        else:
            down += [nn.Linear(flat, 2 * latent)]
            up += [nn.Linear(latent, flat), nn.ReLU()]
        up += [nn.Unflatten(1, (widths[-1], last, last))]
        for w in [*reversed(widths[:-1]), channels]:
            up += [nn.ConvTranspose2d(width, w, 4, 2, 1), nn.ReLU()]
            width = w
        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up[:-1], nn.Flatten())


def make_step(model, images, gaussian):
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss_of(indices):
        x = images[indices].float() / 255
        mean, log_variance = model.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        output = model.decoder(z)
        if gaussian:
            likelihood = -0.5 * ((x - output) ** 2).sum(1)
        else:
            likelihood = -F.binary_cross_entropy_with_logits(output, x, reduction="none").sum(1)
        kl = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1)
        return -(likelihood - kl).mean()

    return loss_of, optimiser


def measure(name, model, gaussian, mode, precision):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(0)
    model = model().to(device)
    images = torch.randint(0, 256, (IMAGES, model.pixels), dtype=torch.uint8, device=device)
    order = torch.randperm(IMAGES, device=device)
    loss_of, optimiser = make_step(model, images, gaussian)
    if mode == "compiled":
        loss_of = torch.compile(loss_of, mode="max-autotune")

    def step(number):
        start = number * BATCH % (IMAGES - BATCH)
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(order[start : start + BATCH])
        loss.backward()
        optimiser.step()
        return loss

    for number in range(30):
        step(number)
    torch.cuda.synchronize()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        for number in range(STEPS // 5):
            step(number)
        torch.cuda.synchronize()
        times.append((time.perf_counter() - began) / (STEPS // 5))
    print(f"PyTorch {torch.__version__}, {precision}, {name}, {mode}: {1e6 * statistics.median(times):.1f} µs a step", flush=True)


def measure_graph(name, model, gaussian, precision):
    """The whole step, update and all, captured by hand: the fastest that eager kernels can be."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(0)
    model = model().to(device)
    images = torch.randint(0, 256, (IMAGES, model.pixels), dtype=torch.uint8, device=device)
    indices = torch.randint(0, IMAGES, (BATCH,), device=device)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    loss_of, _ = make_step(model, images, gaussian)
    loss_of = torch.compile(loss_of, mode="max-autotune-no-cudagraphs")

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss_of(indices).backward()
        optimiser.step()

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    optimiser.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        step()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(STEPS // 5):
            graph.replay()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - began) / (STEPS // 5))
    print(f"PyTorch {torch.__version__}, {precision}, {name}, compiled and captured: {1e6 * statistics.median(times):.1f} µs a step", flush=True)


NETWORKS = {
    "dense": (Dense, False),
    "MNIST conv": (lambda: Convolutional(1, 28, [32, 64], 256, 20), False),
    "CIFAR conv": (lambda: Convolutional(3, 32, [32, 64, 128], 0, 128), True),
}

for precision in ("float32", "tf32"):
    for name, (model, gaussian) in NETWORKS.items():
        for attempt in (
            lambda: measure(name, model, gaussian, "eager", precision),
            lambda: measure(name, model, gaussian, "compiled", precision),
            lambda: measure_graph(name, model, gaussian, precision),
        ):
            try:
                attempt()
            except Exception as error:  # One way that fails must not hide the others.
                print(f"PyTorch, {precision}, {name}: failed: {str(error).splitlines()[0]}", flush=True)
