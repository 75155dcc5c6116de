"""Builds the modules that `vae info` prints, as PyTorch would print them."""

import re

import torch
from torch import nn


class LayerNorm2d(nn.LayerNorm):
    """As in torchvision.models.convnext."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    def __init__(self, body: nn.Module, skip: nn.Module):
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.skip(x) + self.body(x)


class LightResidualBlock(nn.Module):
    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class GatedResidualBlock(LightResidualBlock):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + nn.functional.glu(self.body(x), dim=-3)


# What the parts of a ladder print as: neither works without the other, so they are no modules here.
LADDER = ("Climb(", "Descent(")
OURS = (LayerNorm2d, ResidualBlock, LightResidualBlock, GatedResidualBlock)


def module(printed: str) -> nn.Module:
    """The module that prints so."""
    kind, inside = re.fullmatch(r"(\w+)\((.*)\)", printed.strip(), re.DOTALL).groups()
    known = {**vars(nn), **{kind.__name__: kind for kind in OURS}}
    if "\n" not in inside:
        return eval(f"{kind}({inside})", known)
    lines = re.findall(r"^  \((\w+)\): (.*?)(?=^  \(|\Z)", inside, re.DOTALL | re.MULTILINE)
    layers = {name: module(text.replace("\n  ", "\n")) for name, text in lines}
    return nn.Sequential(*layers.values()) if kind == "Sequential" else known[kind](**layers)


def network(name: str, info: str) -> nn.Module:
    """The network that `vae info` prints, as PyTorch would print it."""
    return module(re.search(rf"^{name}: (Sequential\(\n.*?^\))", info, re.DOTALL | re.MULTILINE).group(1))
