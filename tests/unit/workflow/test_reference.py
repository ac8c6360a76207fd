"""The reference run: what is kept of a run, what README.md says of it, and runs compared with it."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_run import MODEL, NETWORK, make_run
from PIL import Image

from equivariance.cli.main import main
from equivariance.errors import UserError
from equivariance.files import sha256
from equivariance.workflow import reference as module
from equivariance.workflow.readme import BEGIN, END, block_of, readme_block
from equivariance.workflow.reference import FOLDER, read_reference, write_reference
from equivariance.workflow.sameness import differing, digest, portable
from equivariance.workflow.verification import verify


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a finished run, whose README has room for the reference."""
    make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nMore.\n", encoding="utf-8")
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_it_keeps_claims_tables_figures_and_papers(project: Path) -> None:
    size = write_reference("made")
    files = content(FOLDER)
    assert {*files} == {
        *("claims.csv", "thesis.pdf", "thesis.es.pdf", "manifest.json", "tables/kernel_size.csv"),
        *("figures/claims.png", "figures/rotation_train_test.png"),
    }
    assert size == sum(map(len, files.values()))
    with Image.open(FOLDER / "figures" / "claims.png") as image:
        assert image.size == (1000, 214) and image.mode == "P"


def test_its_manifest_tells_how_it_was_made_and_the_checksum_of_every_file(project: Path) -> None:
    write_reference("made")
    manifest = read_reference()
    assert manifest["files"] == {
        name: sha256(FOLDER / name) for name in content(FOLDER) if name != "manifest.json"
    }
    assert verify(FOLDER).intact
    network = manifest["networks"][NETWORK]
    assert network["accuracies"] == {"rotation": 0.8}
    assert network["weights"] == sha256(Path("results/made") / NETWORK / "weights.safetensors")
    assert manifest["stages"] == {"training": {"jobs": 1, "seconds": 7.5, "cpu_seconds": 6.25}}
    assert manifest["machine"]["cores"] > 0 and manifest["versions"]["python"]
    assert "mirror" not in manifest["settings"], "it is a place of somebody's machine"


def test_settings_are_kept_without_places_of_a_machine() -> None:
    datasets = {"cifar10": {"title": "CIFAR10", "images": "/data/cifar10.zip"}, "own": {"path": "/data/own"}}
    kept = portable({"run": "made", "mirror": "/data", "datasets": datasets})
    assert kept == {"run": "made", "datasets": {"cifar10": {"title": "CIFAR10"}, "own": {}}}


def test_the_same_results_give_the_same_files(project: Path) -> None:
    write_reference("made")
    first = content(FOLDER)
    write_reference("made")
    assert content(FOLDER) == first


def test_a_large_table_is_compressed_and_read_as_before(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE_TABLE", 10)
    write_reference("made")
    table = (FOLDER / "tables" / "kernel_size.csv.gz").read_bytes()
    assert gzip.decompress(table) == Path("results/made/tables/kernel_size.csv").read_bytes()
    assert main(["compare", "--run", "made"]) == 0


def test_a_run_that_was_changed_is_refused_and_the_reference_stays(project: Path) -> None:
    write_reference("made")
    before = content(FOLDER)
    (project / "results" / "made" / "thesis.pdf").write_text("another")
    with pytest.raises(UserError, match=r"results/made is not as it was finished: thesis\.pdf"):
        write_reference("made")
    assert content(FOLDER) == before


def test_a_run_without_the_paper_in_spanish_is_refused_with_the_commands(project: Path) -> None:
    shutil.rmtree(project / "results" / "made" / "es")
    with pytest.raises(UserError, match="--config language=es` makes it"):
        write_reference("made")


def test_a_reference_that_is_too_large_is_refused_and_leaves_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(UserError, match=r"the reference would be .* MB"):
        write_reference("made")
    assert not list(Path("docs").iterdir())


def test_readme_gets_a_row_for_each_claim_and_figures(project: Path) -> None:
    assert main(["reference", "--run", "made"]) == 0
    text = Path("README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{BEGIN}\n") and text.endswith(f"{END}\n\nMore.\n")
    block = block_of(Path("README.md"))
    assert block == readme_block(FOLDER)
    assert "| C1 | Seeds do not matter. | supported | 0.50 [0.40, 0.60] < 1.00 |" in block.splitlines()
    assert block.splitlines()[-1].count("](docs/reference/figures/") == 2
    assert len(block.splitlines()) <= 43


def test_a_readme_without_room_is_refused_before_anything_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("README.md").write_text("# Title\n", encoding="utf-8")
    assert main(["reference", "--run", "made"]) == 2
    assert "README.md lacks the lines between which the reference goes" in capsys.readouterr().err
    assert not FOLDER.exists()


def compare(capsys: pytest.CaptureFixture[str], run: str, status: int) -> list[str]:
    assert main(["compare", "--run", run]) == status
    return capsys.readouterr().out.splitlines()


def test_the_run_of_the_reference_agrees_with_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reference("made")
    assert compare(capsys, "made", 0) == [
        "Settings: those of the reference, made.",
        "Accuracies: 1 of 1 within the tolerance.",
        "Layer profiles: 1 of 1 within the tolerance.",
        "Verdicts: 2 of 2 equal.",
        "results/made/comparison.csv, results/made/comparison.png, results/made/comparison.pdf",
        "The run agrees with the reference.",
    ]
    table = pd.read_csv("results/made/comparison.csv")
    assert list(table["what"]) == ["accuracy", "profile", "verdict", "verdict"]
    assert table["agrees"].all()
    assert Path("results/made/comparison.png").read_bytes().startswith(b"\x89PNG")
    assert verify(Path("results/made")).intact, "what was written is no result of the run"


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({}, 0, "The run agrees with the reference."),
        ({"shift": 0.5}, 1, "Accuracies: 0 of 1 within the tolerance."),
        ({"shift": 0.5}, 1, "Layer profiles: 0 of 1 within the tolerance."),
        ({"verdict": "undecided"}, 0, "  C1: undecided; reference: supported"),
        ({"verdict": "contradicted"}, 1, "The run does not agree with the reference."),
        (
            {"settings": {"seeds": {"few": 3}}},
            1,
            "This is another run: mine, the reference is made; settings that differ: seeds.few.",
        ),
        ({"settings": {"mirror": None, "device": "cpu"}}, 0, "Settings: those of the reference, made."),
    ],
)
def test_another_run_is_compared(
    changes: dict[str, Any], status: int, says: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_reference("made")
    settings = {"run": "mine", **changes.pop("settings", {})}
    make_run(project, settings, **changes)
    assert says in compare(capsys, "mine", status)


def test_other_software_and_images_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reference("made")
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    del manifest["sha256"]
    manifest["versions"]["numpy"], manifest["images"]["digits"] = "1.0", "1"
    module.write_sealed(FOLDER / "manifest.json", manifest)
    lines = compare(capsys, "made", 0)
    assert any(line.startswith("Other software") and "(1.0)" in line for line in lines)
    assert "Other prepared images (reference): digits." in lines


def test_without_a_reference_the_command_that_makes_it_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--run", "made"]) == 2
    assert "`make reference RUN=laptop` makes it" in capsys.readouterr().err


def test_a_run_that_was_changed_is_not_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reference("made")
    (project / "results" / "made" / MODEL / "seed1" / "weights.safetensors").write_text("another")
    assert main(["compare", "--run", "made"]) == 2
    assert "`make verify RUN=made` says more" in capsys.readouterr().err


def test_what_a_run_is_called_where_it_is_made_and_how_it_is_shown_makes_no_other_run() -> None:
    first = {
        **{"run": "a", "mirror": "x", "jobs": {"gpus": 1}, "seeds": {"few": 1}},
        "datasets": {"cifar10": {"source": "cifar10", "images": "here.zip"}},
        "experiments": {"e": {"title": "E", "source": "thesis", "train": {"seeds": "few"}}},
    }
    second = {
        **{"run": "b", "mirror": None, "jobs": {"gpus": 0}, "seeds": {"few": 1}},
        "datasets": {"cifar10": {"source": "cifar10"}},
        "experiments": {"e": {"title": "F", "source": "code", "train": {"seeds": "few"}}},
    }
    assert differing(first, second) == [] and digest(first) == digest(second)
    second["datasets"] = {"cifar10": {"source": "folder"}}
    second["experiments"] = {"e": {"train": {"seeds": "many"}}}
    assert differing(first, second) == ["datasets.cifar10.source", "experiments.e.train.seeds"]
    assert digest(first) != digest(second)
