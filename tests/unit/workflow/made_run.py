"""A small project with a finished run, whose results are a few bytes each."""

import shutil
from pathlib import Path
from typing import Any

from equivariance.files import write_checksum, write_json, write_text
from equivariance.network_folder import write_description
from equivariance.workflow.manifest import write_manifest

ROOT = Path(__file__).parents[3]
SETTINGS: dict[str, Any] = {"run": "made", "language": "en", "seeds": {"few": 1}}
NETWORK = "models/digits/simple_conv/rotation/seed0"


def make_run(root: Path) -> Path:
    """Make the project in a folder, and return that of its run."""
    for name in ("CITATION.cff", ".gitignore", "Snakefile", "README.md"):
        shutil.copy(ROOT / name, root)
    (root / "config").mkdir()
    for file in (ROOT / "config").glob("*.yaml"):
        shutil.copy(file, root / "config")
    shutil.copytree(ROOT / "config" / "schemas", root / "config" / "schemas")
    description = {
        **{"name": "digits", "source": "digits", "stand_in_for": "MNIST", "images": 1797},
        **{"classes": [*"0123456789"], "sha256": "0" * 64},
    }
    data = root / "results" / "data" / "digits.json"
    write_json(data, description)
    write_text(data.with_suffix(".npz"), "images")
    folder = root / "results" / "made"
    for name in ("weights.safetensors", "history.csv"):
        write_text(folder / NETWORK / name, f"the {name}\n")
    write_description(folder / NETWORK, {"metrics": {"rotation": {"accuracy": 0.9}}})
    table = folder / "tables" / "kernel_size.csv"
    write_text(table, "a,b\n1,2\n")
    write_checksum(table)
    for name in ("figures/kernel_size.png", "thesis.pdf", "images/samples.npz", "measures/nv.parquet"):
        write_text(folder / name, name)
    made = [folder / NETWORK / "model.json", table]
    made += [folder / name for name in ("figures/kernel_size.png", "thesis.pdf")]
    made += [folder / name for name in ("images/samples.npz", "measures/nv.parquet")]
    write_manifest(folder, made, [data], SETTINGS, ["numpy"], folder / "manifest.json")
    return folder
