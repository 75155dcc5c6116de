"""One benchmark in PyTorch, driven line by line over stdin; each command is answered by a line of JSON.

    python scripts/bench/torch_peer.py FOLDER THREADS [rewritten] [channels-last]

FOLDER holds what ours.mjs shares. `check` compares one step of plain gradient descent with ours; `time N` times N calls.
With `rewritten`, transposed convolutions of kernel 4, stride 2 and padding 1 become plain ones and a pixel shuffle,
which take PyTorch's fast path on CPUs. With `channels-last`, images and filters lie in memory with their channels last.
"""

import json
import math
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_modules import module
from safetensors.torch import load_file
from torch import nn
from torch_likelihoods import LIKELIHOODS, LOG_2PI


class ShuffledConvolution(nn.Module):
    """A transposed convolution of kernel 4, stride 2 and padding 1: each 2 × 2 pixels are channels of a 2 × 2 one."""

    def __init__(self, original: nn.ConvTranspose2d):
        super().__init__()
        inputs, outputs = original.weight.shape[:2]
        # W[i, o, 2r + a, 2s + b] is the tap (1 − r, 1 − s) of the pixel (a, b).
        taps = original.weight.detach().reshape(inputs, outputs, 2, 2, 2, 2).flip(2, 4)
        self.weight = nn.Parameter(taps.permute(1, 3, 5, 0, 2, 4).reshape(4 * outputs, inputs, 2, 2).contiguous())
        self.bias = nn.Parameter(original.bias.detach().clone())

    def forward(self, x):
        cells = F.conv2d(x, self.weight, padding=1)
        return F.pixel_shuffle(cells, 2)[:, :, 1:-1, 1:-1] + self.bias[:, None, None]


def rewrite(model: nn.Module) -> None:
    for name, child in model.named_children():
        if isinstance(child, nn.ConvTranspose2d) and child.kernel_size == (4, 4):
            setattr(model, name, ShuffledConvolution(child))
        else:
            rewrite(child)


class Planar(nn.Module):
    """z + û tanh(wᵀz + b), with û such that wᵀû > −0.999."""

    def __init__(self, weights):
        super().__init__()
        self.steps = nn.ParameterDict({k.replace(".", "_"): nn.Parameter(v) for k, v in weights.items()})
        self.count = 1 + max(int(k.split(".")[1]) for k in weights)

    def forward(self, z, _):
        log_det = 0
        for i in range(self.count):
            w, u, b = (self.steps[f"flow_{i}_{n}"] for n in ("w", "u", "b"))
            wu = (w * u).sum()
            u = u + (F.softplus(wu) - 0.999 - wu) * w / (w * w).sum()
            h = torch.tanh((z * w).sum(-1, keepdim=True) + b)
            log_det = log_det + torch.log1p(((1 - h * h) * (w * u).sum()).squeeze(-1))
            z = z + u * h
        return z, log_det


class Autoregressive(nn.Module):
    """Two steps z′ = g z + (1 − g) m, each after a masked network of two hidden layers."""

    def __init__(self, weights, latent, hidden):
        super().__init__()
        self.weights = nn.ParameterDict({k.replace(".", "_"): nn.Parameter(v) for k, v in weights.items()})
        degrees = torch.arange(hidden) * latent // hidden
        self.masks = []
        for step in range(2):
            order = torch.arange(latent, 0, -1) if step == 1 else torch.arange(1, latent + 1)
            self.masks.append((
                (order[None] <= degrees[:, None]).float(),
                (degrees[None] <= degrees[:, None]).float(),
                (degrees[None] < order.repeat(2)[:, None]).float(),
            ))

    def forward(self, z, context):
        log_det = 0
        for step, (first, second, last) in enumerate(self.masks):
            p = lambda name: self.weights[f"flow_{step}_{name}".replace(".", "_")]
            h = F.relu(F.linear(z, p("input_weight") * first) + F.linear(context, p("context_weight"), p("input_bias")))
            h = F.relu(F.linear(h, p("hidden_weight") * second, p("hidden_bias")))
            shift, raw = F.linear(h, p("output_weight") * last, p("output_bias")).chunk(2, -1)
            gate = torch.sigmoid(raw + 2)
            z = gate * z + (1 - gate) * shift
            log_det = log_det + F.logsigmoid(raw + 2).sum(-1)
        return z, log_det


class Model(nn.Module):
    def __init__(self, folder):
        super().__init__()
        about = json.loads((folder / "model.json").read_text())
        self.config, self.batch, self.kind, self.shape = (about.get(k) for k in ("config", "batch", "kind", "imageShape"))
        self.latents = about["latents"]
        # Of our step of gradient descent.
        self.length = about["length"]
        self.encoder, self.decoder = module(about["printed"]["encoder"]), module(about["printed"]["decoder"])
        weights = load_file(folder / "weights.safetensors")
        flow = {k: v for k, v in weights.items() if k.startswith("flow.")}
        self.flow = None
        if self.config["posterior"] == "planar":
            self.flow = Planar(flow)
        if self.config["posterior"] == "autoregressive":
            self.flow = Autoregressive(flow, self.latents, self.config["flowHidden"])
        self.load_state_dict({k: v for k, v in weights.items() if k not in flow}, strict=self.flow is None)
        noise = np.fromfile(folder / "noise.bin", dtype=np.float32)
        self.noise = torch.from_numpy(noise).reshape(about["noise"]["shape"]) if about.get("noise") else None

    def posterior(self, x):
        """q(z|x): mean and log of the standard deviation, [B, L], and what a flow reads."""
        mean, raw, context = self.encoder(x).tensor_split([self.latents, 2 * self.latents], -1)
        log_stddev = {
            "log-variance": lambda: raw / 2,
            "log-stddev": lambda: raw,
            "softplus": lambda: (F.softplus(raw) + 1e-6).log(),
        }[self.config["scale"]]()
        return mean, log_stddev, context

    def log_terms(self, x, noise):
        """log p(x|z), log p(z) and log q(z|x) at draws of z: [S, B]."""
        mean, log_stddev, context = self.posterior(x)
        z = mean + log_stddev.exp() * noise
        log_q = (-0.5 * (noise**2 + LOG_2PI) - log_stddev).sum(-1)
        if self.flow is not None:
            z, log_det = self.flow(z, context)
            log_q = log_q - log_det
        log_prior = -0.5 * (z**2 + LOG_2PI).sum(-1)
        return self.log_likelihood(x, z), log_prior, log_q

    def log_likelihood(self, x, z):
        samples = z.shape[0]
        y = self.decoder(z.reshape(-1, z.shape[-1])).reshape(samples, x.shape[0], -1)
        return LIKELIHOODS[self.config["likelihood"]](y, x.expand(samples, *x.shape), self.config, self.shape)

    def loss(self, x, noise):
        if self.config["objective"] != "iwae" and self.config["kl"] == "analytic":
            mean, log_stddev, _ = self.posterior(x)
            kl = 0.5 * (mean**2 + (2 * log_stddev).exp() - 1 - 2 * log_stddev).sum(-1)
            return (kl - self.log_likelihood(x, mean + log_stddev.exp() * noise).mean(0)).mean()
        log_likelihood, log_prior, log_q = self.log_terms(x, noise)
        log_weights = log_likelihood + log_prior - log_q
        if self.config["objective"] == "iwae":
            return -(torch.logsumexp(log_weights, 0) - math.log(noise.shape[0])).mean()
        return -log_weights.mean()

    def evaluate(self, x, noise):
        with torch.no_grad():
            if self.kind == "decode":
                return torch.sigmoid(self.decoder(x))
            log_likelihood, log_prior, log_q = self.log_terms(x, noise)
            return torch.logsumexp(log_likelihood + log_prior - log_q, 0)


def main(folder: pathlib.Path, threads: int, flags: list[str]) -> None:
    torch.set_num_threads(threads)
    model = Model(folder)
    pixels = math.prod(model.shape)
    images = torch.from_numpy(np.fromfile(folder / "images.bin", dtype=np.uint8)).reshape(-1, pixels)
    symmetric = model.config["range"] == "symmetric"
    if "rewritten" in flags:
        rewrite(model)
    if "channels-last" in flags:
        # A convolution gives its images the layout of its filters.
        model.to(memory_format=torch.channels_last)

    def batch_at(positions):
        x = images[positions].float() / 255
        return 2 * x - 1 if symmetric else x

    latents = torch.sin(torch.arange(model.batch * model.latents).float()).reshape(model.batch, -1)

    def check():
        first = torch.arange(model.batch)
        if model.kind is not None:
            values = model.evaluate(latents if model.kind == "decode" else batch_at(first), model.noise)
            return {"value": values.flatten()[:1000].tolist()}
        loss = model.loss(batch_at(first), model.noise)
        loss.backward()
        if "rewritten" in flags:
            return {"value": [loss.item()]}
        after, before = load_file(folder / "after.safetensors"), load_file(folder / "weights.safetensors")
        named = {k.replace("flow.steps.flow_", "flow.").replace("flow.weights.flow_", "flow."): p for k, p in model.named_parameters()}
        flat = {k.replace(".", "_"): k for k in after}
        worst = 0.0
        for name, p in named.items():
            key = flat[name.replace(".", "_")]
            gradient = (before[key] - after[key]) / model.length
            worst = max(worst, ((gradient - p.grad).norm() / (p.grad.norm() + 1e-6)).item())
        return {"value": [loss.item()], "worstGradient": worst}

    if model.config["optimizer"] == "rmsprop":
        optimiser = torch.optim.RMSprop(model.parameters(), lr=1e-3, centered=True)
    elif model.config["optimizer"] == "adamw":
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=model.config["weightDecay"])
    else:
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    decay = model.config["ema"]
    averages = [p.detach().clone() for p in model.parameters()] if decay > 0 else []

    def average():
        with torch.no_grad():
            for mean, p in zip(averages, model.parameters()):
                mean.lerp_(p, 1 - decay)

    def step():
        if model.kind == "decode":
            return model.evaluate(latents, None)
        x = batch_at(torch.randint(images.shape[0], (model.batch,)))
        noise = torch.randn(model.noise.shape)
        if model.kind == "importance":
            return model.evaluate(x, noise)
        loss = model.loss(x, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average()
        return loss.item()

    def timed(calls):
        times = []
        for i in range(3 + calls):
            began = time.perf_counter()
            step()
            if i >= 3:
                times.append(1e3 * (time.perf_counter() - began))
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"times": times, "megabytes": megabytes, "engine": f"PyTorch {torch.__version__}, {threads} threads"}

    for line in sys.stdin:
        name, *arguments = line.split()
        result = check() if name == "check" else timed(int(arguments[0]))
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
