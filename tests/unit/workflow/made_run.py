"""A small project with a finished run, whose results are a few bytes each."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from equivariance.analysis.claims.columns import COLUMNS as CLAIMS
from equivariance.analysis.columns import COLUMNS
from equivariance.files import write_checksum, write_json, write_text
from equivariance.network_folder import write_description
from equivariance.workflow.manifest import write_manifest

ROOT = Path(__file__).parents[3]
SETTINGS: dict[str, Any] = {
    "run": "made",
    "language": "en",
    "mirror": "somewhere/else",
    "seeds": {"few": 2},
    "claims": {
        "C1": {"statement": "Seeds do not matter.", "tests": []},
        "C2": {"statement": "Kernels do.", "tests": []},
    },
}
MODEL = "models/digits/simple_conv/rotation"
NETWORK = f"{MODEL}/seed0"


def make_run(
    root: Path, settings: dict[str, Any] | None = None, shift: float = 0.0, verdict: str = "supported"
) -> Path:
    """Make the project in a folder, and return that of its run.

    `settings` override those of the run; accuracies and profiles are shifted by so much; `verdict` is that on
    the first claim.
    """
    for name in ("CITATION.cff", ".gitignore", "Snakefile", "README.md"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "config", root / "config", dirs_exist_ok=True)
    given = SETTINGS | (settings or {})
    folder = root / "results" / given["run"]
    data = _make_data(root / "results" / "data" / "digits.json")
    made = [*_make_networks(folder, shift), _make_table(folder, shift), _make_claims(folder, verdict)]
    made += [folder / name for name in ("thesis.pdf", "images/samples.npz", "measures/nv.parquet")]
    for file in made[-3:]:
        write_text(file, file.name)
    for name in ("claims", "rotation_train_test"):
        made.append(folder / "figures" / f"{name}.png")
        made[-1].parent.mkdir(exist_ok=True)
        Image.fromarray(np.arange(300 * 1400 * 3, dtype=np.uint8).reshape(300, 1400, 3)).save(made[-1])
    write_manifest(folder, made, [data], given, ["numpy"], folder / "manifest.json")
    spanish = folder / "es" / "thesis.pdf"
    write_text(spanish, "tesis")
    other = {**given, "language": "es"}
    write_manifest(folder, [*made, spanish], [data], other, ["numpy"], folder / "es" / "manifest.json")
    logs = root / "logs" / given["run"] / "training"
    write_text(logs / "0.benchmark.tsv", "s\th:m:s\tmax_rss\tcpu_time\n7.5\t0:00:07\t-\t6.25\n")
    return folder


def _make_data(file: Path) -> Path:
    write_json(
        file,
        {
            **{"name": "digits", "source": "digits", "stand_in_for": "MNIST", "images": 1797},
            **{"classes": [*"0123456789"], "sha256": "0" * 64},
        },
    )
    write_text(file.with_suffix(".npz"), "images")
    return file


def _make_networks(folder: Path, shift: float) -> list[Path]:
    for seed, accuracy in enumerate((0.80, 0.82)):
        network = folder / MODEL / f"seed{seed}"
        for name in ("weights.safetensors", "history.csv"):
            write_text(network / name, f"the {name} of {seed}\n")
        metrics = {"rotation": {"accuracy": accuracy - shift}}
        write_description(network, {"metrics": metrics, "test_images": 1000, "device": "cpu"})
    return [folder / MODEL / f"seed{seed}" / "model.json" for seed in range(2)]


def _make_table(folder: Path, shift: float) -> Path:
    """Profiles of two seeds in four layers."""
    named = {"dataset": "digits", "model": "simple_conv", "trained_with": "rotation", "measure": "nv"}
    common = dict.fromkeys(COLUMNS["profiles"], "none") | named
    rows = [
        {**common, "seed": seed, "layer": f"conv{layer}", "layer_index": layer, "mean": value + shift}
        for seed in range(2)
        for layer, value in enumerate(np.linspace(1, 0.4, 4) + 0.01 * seed)
    ]
    table = folder / "tables" / "kernel_size.csv"
    table.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(table, index=False)
    write_checksum(table)
    return table


def _make_claims(folder: Path, verdict: str) -> Path:
    row = {"cell": "digits", "criterion": "ratio", "statistic": 0.5, "low": 0.4, "high": 0.6, "seeds": 2}
    row |= {"direction": "below", "threshold": 1.0, "reason": ""}
    rows = [row | {"claim": "C1", "verdict": verdict}, row | {"claim": "C2", "verdict": "supported"}]
    file = folder / "claims.csv"
    pd.DataFrame(rows, columns=list(CLAIMS)).to_csv(file, index=False)
    write_checksum(file)
    return file
