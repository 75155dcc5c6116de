"""Opens an exported model with programs that are not ours, and compares what they compute.

    python scripts/check-export.py RUN

needs the packages onnx, onnxruntime, safetensors and numpy, and a built vae; with torch it checks the weights too. It
  1. exports RUN as ONNX and as safetensors with `vae export`,
  2. checks encoder.onnx and decoder.onnx with the official checker, shape inference included,
  3. decodes latents and encodes pictures with onnxruntime, for several batches, and compares with what vae computes,
  4. opens encoder.safetensors and decoder.safetensors with the official reader and, in PyTorch, loads them as they are
     into the torch.nn.Sequential that their metadata prints; what it computes is compared too where that is simple,
  5. runs the Python of docs/export.md.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BATCHES = (1, 2, 17)

# Prints latents and what vae decodes them to, and pictures and what it encodes them to, as JSON.
OURS = """
import { withModel } from 'REPOSITORY/dist/cli/shared/model.js';
const count = COUNT;
await withModel({ run: RUN }, [], async ({ model, trained, imageShape, latent }) => {
  const { seed, binarize } = model.config;
  const latents = await trained.draw(count, seed);
  // Black and white where the model knows nothing else: grey would be drawn.
  const grey = Uint8Array.from({ length: count * model.vae.pixels }, (_, i) => (i * i * 31 + 7 * i) % 256);
  const images = binarize === 'none' ? grey : grey.map((value) => (value < 128 ? 0 : 255));
  const decoded = await trained.decode(latents);
  const encoded = await trained.encode({ count, images, labels: new Uint8Array(count) });
  const arrays = { latents, images, decoded, mean: encoded.mean, ...(encoded.stddev && { stddev: encoded.stddev }) };
  const plain = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, [...values]]));
  process.stdout.write(JSON.stringify({ imageShape, latent, ...plain }));
});
"""


def node(*arguments: str) -> str:
    return subprocess.run(["node", *arguments], check=True, capture_output=True, text=True).stdout


def ours(run: str, count: int) -> dict:
    script = OURS.replace("REPOSITORY", REPOSITORY.as_uri()).replace("COUNT", str(count)).replace("RUN", json.dumps(run))
    return json.loads(node("--input-type=module", "--eval", script))


def compare(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape, f"{what}: {found.shape} instead of {expected.shape}"
    error = np.abs(found - expected).max() / max(1, np.abs(expected).max())
    assert error < 1e-5, f"{what} differs by {error}"
    print(f"{what}: {found.shape}, largest difference {error:.1e}")


def check_onnx(run: str, folder: pathlib.Path) -> None:
    for part in ("encoder", "decoder"):
        model = onnx.load(folder / f"{part}.onnx")
        onnx.checker.check_model(model, full_check=True)
        assert all(node.domain == "" for node in model.graph.node)
        operators = sorted({node.op_type for node in model.graph.node})
        print(f"{part}.onnx: checked; opset {model.opset_import[0].version}; {', '.join(operators)}")
    encoder, decoder = (onnxruntime.InferenceSession(folder / f"{part}.onnx") for part in ("encoder", "decoder"))
    for count in BATCHES:
        expected = {name: np.array(values, np.float32) for name, values in ours(run, count).items()}
        shape = (count, *expected["imageShape"].astype(int))
        code = (count, int(expected["latent"]))
        (pictures,) = decoder.run(["pictures"], {"latents": expected["latents"].reshape(code)})
        compare("pictures", pictures, expected["decoded"].clip(0, 1).reshape(shape))
        names = [output.name for output in encoder.get_outputs()]
        results = encoder.run(names, {"pictures": expected["images"].reshape(shape) / 255})
        for name, result in zip(names, results, strict=True):
            compare(name, result, expected[name].reshape(code))


def check_weights(run: str, folder: pathlib.Path) -> None:
    for part in ("encoder", "decoder"):
        file = folder / f"{part}.safetensors"
        with safe_open(file, framework="np") as content:
            metadata, names = content.metadata(), list(content.keys())
        printed = metadata["pytorch"]
        print(f"{file.name}: {len(names)} tensors: {', '.join(names[:4])}, ...")
        try:
            from safetensors.torch import load_file
        except ImportError:
            print("torch is not installed: not loaded into it")
            continue
        from pytorch_modules import LADDER, module

        if printed.startswith(LADDER):
            print("the parts of a ladder call each other: not loaded into PyTorch")
            continue
        layers = module(printed).eval()
        layers.load_state_dict(load_file(file), strict=True)
        print(f"{file.name}: load_state_dict(strict=True) took them")
        if part == "encoder" and metadata["posterior"] == "normal":
            compare_in_pytorch(run, "mean", lambda code: layers(pixels(code, metadata["range"]))[:, : code["latent"]])
        if part == "decoder" and metadata["likelihood"].startswith("Bernoulli"):
            compare_in_pytorch(run, "decoded", lambda code: layers(rows(code["latents"])).sigmoid())


def rows(values: list):
    """Three of them."""
    import torch

    return torch.tensor(values, dtype=torch.float32).reshape(3, -1)


def pixels(code: dict, scale: str):
    unit = rows(code["images"]) / 255
    return 2 * unit - 1 if scale == "symmetric" else unit


def compare_in_pytorch(run: str, name: str, compute) -> None:
    import torch

    expected = ours(run, 3)
    with torch.no_grad():
        found = compute(expected)
    compare(f"{name} in PyTorch", np.array(found.flatten().tolist()), np.array(expected[name]))


def check_document(folder: pathlib.Path) -> None:
    """What the document shows is run where its `export` folder is."""
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "export.md").read_text(), re.DOTALL)
    known: dict = {}
    os.chdir(folder)
    for block in blocks:
        exec(block, known)
    compare("pictures of the document", known["pictures"], known["pictures"].clip(0, 1))


def main(run: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "export"
        for kind in ("onnx", "safetensors"):
            node(str(REPOSITORY / "bin" / "vae.js"), "export", "--run", run, "--format", kind, "--out", str(folder))
        check_onnx(run, folder)
        check_weights(run, folder)
        check_document(folder.parent)
        os.chdir(REPOSITORY)


if __name__ == "__main__":
    main(sys.argv[1])
