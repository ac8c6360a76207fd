"""Archives: what is in them, equal bytes, and what they say of themselves."""

import json
import os
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from made_run import MODEL, NETWORK, SETTINGS, make_run
from rocrate.rocrate import ROCrate

from equivariance.cli.main import main
from equivariance.errors import UserError
from equivariance.workflow.archive import project_files, write_archive
from equivariance.workflow.verification import verify

ROOT = "equivariance-made/"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as file:
        return [name.removeprefix(ROOT) for name in file.namelist()]


def test_it_has_results_and_code_and_no_images_of_others(project: Path) -> None:
    write_archive("made", Path("results/made.zip"))
    found = names(Path("results/made.zip"))
    assert {
        *("Snakefile", "CITATION.cff", "config/experiments.yaml", "ro-crate-metadata.json"),
        *("manifest-sha256.txt", "results/data/digits.json", "results/made/manifest.json"),
        *("results/made/thesis.pdf", "results/made/tables/kernel_size.csv"),
        *("results/made/tables/kernel_size.csv.sha256", "results/made/figures/claims.png"),
        *(f"results/made/{NETWORK}/model.json", f"results/made/{NETWORK}/history.csv"),
    } <= {*found}
    assert not [name for name in found if name.endswith((".npz", ".safetensors", ".parquet"))]
    assert found[:-1] == sorted(found[:-1])


def test_no_place_of_files_on_the_machine_of_the_run_is_in_it(project: Path) -> None:
    write_archive("made", Path("results/made.zip"))
    with zipfile.ZipFile("results/made.zip") as archive:
        assert not [name for name in archive.namelist() if SETTINGS["mirror"].encode() in archive.read(name)]


def test_weights_are_added_where_they_are_asked_for(project: Path) -> None:
    without, with_weights = Path("results/without.zip"), Path("results/with.zip")
    assert write_archive("made", with_weights, weights=True) == write_archive("made", without) + 2
    assert {*names(with_weights)} - {*names(without)} == {
        f"results/made/{MODEL}/seed{seed}/weights.safetensors" for seed in range(2)
    }


def test_the_same_run_gives_the_same_bytes_in_whatever_order_and_when_files_were_written(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive("made", Path("results/made.zip"))
    first = Path("results/made.zip").read_bytes()
    write_archive("made", Path("results/made.zip"))
    assert Path("results/made.zip").read_bytes() == first
    copy = tmp_path_factory.mktemp("copy")
    files = [path for path in project.rglob("*") if path.is_file() and path.suffix != ".zip"]
    random.Random(1).shuffle(files)
    for number, path in enumerate(files):
        target = copy / path.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        os.utime(target, (number, number))
        target.chmod(0o640)
    monkeypatch.chdir(copy)
    write_archive("made", Path("results/made.zip"))
    assert Path("results/made.zip").read_bytes() == first


def test_sha256sum_reads_its_checksums(project: Path) -> None:
    write_archive("made", Path("results/made.zip"))
    shutil.unpack_archive("results/made.zip", "unpacked")
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt"],
        cwd=f"unpacked/{ROOT}",
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    assert verify(Path("unpacked") / ROOT).intact


def test_it_is_a_crate_that_names_licence_authors_workflow_and_data(project: Path) -> None:
    write_archive("made", Path("results/made.zip"))
    shutil.unpack_archive("results/made.zip", "unpacked")
    folder = Path("unpacked") / ROOT
    crate = ROCrate(folder)
    assert crate.version == "1.1"
    assert crate.mainEntity.id == "Snakefile"
    assert "ComputationalWorkflow" in crate.mainEntity.type
    assert crate.mainEntity["programmingLanguage"].name == "Snakemake"
    assert crate.license.id == "https://spdx.org/licenses/MIT"
    assert crate.root_dataset["author"]["name"] == "The authors of this repository"
    profiles = {str(one) for one in crate.metadata["conformsTo"]}
    assert "https://w3id.org/workflowhub/workflow-ro-crate/1.0" in profiles
    dois = {entity.id for entity in crate.root_dataset["citation"]}
    assert "https://doi.org/10.24215/16666038.20.e06" in dois
    data = crate.get("results/data/digits.json")
    assert data["isBasedOn"]["description"].startswith("The 8x8 handwritten digits that scikit-learn ships")
    parts = [entity.id for entity in crate.root_dataset["hasPart"]]
    assert parts and all((folder / part).exists() for part in parts)
    graph = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    defined = {entity["@id"] for entity in graph}
    used = {one["@id"] for entity in graph for value in entity.values() for one in references(value)}
    assert {one for one in used - defined if not one.startswith("https://")} == set()


def references(value: object) -> list[dict[str, str]]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, dict)]


def test_a_published_source_is_named_with_where_it_is(project: Path) -> None:
    file = project / "results" / "data" / "digits.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"source": "digits"', '"source": "mnist"'), encoding="utf-8")
    write_archive("made", Path("results/made.zip"))
    with zipfile.ZipFile("results/made.zip") as archive:
        graph = json.loads(archive.read(f"{ROOT}ro-crate-metadata.json"))["@graph"]
    (source,) = (entity for entity in graph if entity["@id"] == "#source-mnist")
    assert source["url"].startswith("https://") and "mnist" in source["url"]


def test_the_code_is_what_git_has_or_else_what_it_would_not_ignore(project: Path) -> None:
    (project / "notes.txt").write_text("mine")
    (project / "logs").mkdir(exist_ok=True)
    (project / "logs" / "a.log").write_text("a log")
    listed = {path.as_posix() for path in project_files(Path())}
    assert {"Snakefile", "notes.txt", ".gitignore"} <= listed
    assert not {"logs/a.log", "results/made/thesis.pdf"} & listed
    for command in (["init", "--quiet"], ["add", "Snakefile", "CITATION.cff"]):
        subprocess.run(["git", *command], check=True)
    assert {path.as_posix() for path in project_files(Path())} == {"Snakefile", "CITATION.cff"}


def test_a_result_that_was_changed_is_refused_and_nothing_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "results" / "made" / "thesis.pdf").write_text("another")
    assert main(["archive", "--run", "made", "--output", "a.zip"]) == 2
    assert "results/made/thesis.pdf was changed since the run was finished" in capsys.readouterr().err
    assert not list(project.glob("*.zip")) and not list(project.glob(".a*"))


def test_a_result_that_is_missing_is_named(project: Path) -> None:
    (project / "results" / "made" / "thesis.pdf").unlink()
    with pytest.raises(UserError, match=r"results/made lacks results/made/thesis\.pdf"):
        write_archive("made", Path("a.zip"))


def test_a_full_disk_is_a_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(UserError, match="the disk that holds"):
        write_archive("made", Path("results/made.zip"))
    assert not list(Path("results").glob("*.zip"))


def test_the_command_says_where_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "--run", "made"]) == 0
    assert capsys.readouterr().out.startswith("results/made.zip: ")


def test_another_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["archive", "--run", "made"]) == 2
    assert capsys.readouterr().err == "error: Snakefile not found; run this command beside the Snakefile\n"
