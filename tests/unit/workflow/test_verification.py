"""A change of any file of a run, of an archive or of its folder is named."""

import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_run import NETWORK, make_run

from equivariance.cli.main import main
from equivariance.errors import UserError
from equivariance.workflow.archive import write_archive
from equivariance.workflow.verification import CHECKSUMS, Verified, verify

CHANGES = ("flip", "cut", "append", "remove", "rename", "add")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished run and its archive; tests leave it as it is."""
    root = tmp_path_factory.mktemp("project")
    make_run(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        write_archive("made", Path("results/made.zip"), weights=True)
    finally:
        os.chdir(before)
    return root


def names_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def change(file: Path, how: str, place: int) -> tuple[list[str], list[str], list[str]]:
    """Change a file, with its times kept, and return the names that changed, are missing and were added."""
    content, times = file.read_bytes(), file.stat()
    name, other = file.name, f"{file.name}.copy"
    if how == "remove":
        file.unlink()
        return [], [name], []
    if how == "rename":
        file.rename(file.with_name(other))
        return [], [name], [other]
    if how == "add":
        shutil.copy2(file, file.with_name(other))
        return [], [], [other]
    place %= len(content)
    changed = {
        "flip": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        "cut": content[:place],
        "append": content + b"\0",
    }
    file.write_bytes(changed[how])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    return [name], [], []


@pytest.mark.parametrize("what", ["run", "folder"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_change_of_a_file_is_named(
    what: str, data: st.DataObject, project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    if what == "run":
        shutil.copytree(project / "results" / "made", copy)
        files = [name for name in names_of(copy) if not name.endswith("manifest.json")]
    else:
        with zipfile.ZipFile(project / "results" / "made.zip") as archive:
            archive.extractall(tmp_path / "unpacked")
        shutil.move(tmp_path / "unpacked" / "equivariance-made", copy)
        files = [name for name in names_of(copy) if name != CHECKSUMS]
    assert verify(copy) == Verified(len(files), [], [], [])
    name = data.draw(st.sampled_from(files))
    how, place = data.draw(st.sampled_from(CHANGES)), data.draw(st.integers(0, 10**6))
    expected = change(copy / name, how, place)
    found = verify(copy)
    folder = Path(name).parent
    there = ([(folder / one).as_posix() for one in listed] for listed in expected)
    assert (found.changed, found.missing, found.added) == tuple(there)
    assert not found.intact


def content_of(archive: Path, name: str) -> bytes | None:
    """The content of an entry; None where it cannot be read."""
    try:
        with zipfile.ZipFile(archive) as file:
            return file.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_a_byte_in_an_entry_of_an_archive_is_named(
    data: st.DataObject, project: Path, tmp_path: Path
) -> None:
    original = project / "results" / "made.zip"
    copy = tmp_path / "changed.zip"
    with zipfile.ZipFile(original) as archive:
        entries = [one for one in archive.infolist() if not one.filename.endswith(CHECKSUMS)]
        entry = data.draw(st.sampled_from(entries))
        start = entry.header_offset + 30 + len(entry.filename)
        place = start + data.draw(st.integers(0, entry.compress_size - 1))
    content = bytearray(original.read_bytes())
    content[place] ^= data.draw(st.integers(1, 255))
    copy.write_bytes(content)
    found = verify(copy)
    assert not found.missing and not found.added
    # A few bits of a compressed entry are without effect.
    same = content_of(copy, entry.filename) == content_of(original, entry.filename)
    assert found.changed == ([] if same else [entry.filename.removeprefix("equivariance-made/")])


def test_an_intact_archive_and_run_are_told_in_a_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert main(["verify", "results/made"]) == 0
    assert capsys.readouterr().out == "16 files agree with the manifest\n"
    assert main(["verify", "results/made.zip"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_differences_are_named_with_exit_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    (folder / NETWORK / "weights.safetensors").write_text("other weights\n")
    (folder / "thesis.pdf").unlink()
    (folder / "figures" / "extra.png").write_text("more")
    assert main(["verify", "results/made"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"changed: {NETWORK}/weights.safetensors",
        "missing: thesis.pdf",
        "added: figures/extra.png",
        "14 files agree with the manifest, 1 changed, 1 missing, 1 added",
    ]


def test_what_is_made_from_the_results_of_a_run_is_no_addition(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    for name in ("report.zip", "comparison.csv", "comparison.png", ".half.png", "checkpoints/a.pt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("more")
    assert verify(folder).intact


def test_a_manifest_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"few": 2', '"few": 3'))
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        verify(folder)


def test_a_run_that_is_not_finished_says_what_is_missing_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("results/quick/tables").mkdir(parents=True)
    with pytest.raises(UserError) as error:
        verify(Path("results/quick"))
    assert "`snakemake --cores 1 --configfile config/quick.yaml` goes on with it" in str(error.value)
    assert "results/quick/models/" in str(error.value) and "results/quick/claims.csv" in str(error.value)


def test_a_language_that_is_not_finished_is_named_with_its_command(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    (folder / "es" / "figures").mkdir()
    assert verify(folder).intact
    (folder / "es" / "manifest.json").unlink()
    with pytest.raises(UserError, match="`snakemake --cores 1 --configfile FILE --config language=es`"):
        verify(folder)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("quik", "unknown run 'quik'; valid: quick, laptop, made, thesis"),
        ("quick", "results/quick not found: `snakemake --cores 1 --configfile config/quick.yaml` makes it"),
        ("thesis", "results/thesis not found: `snakemake --cores 1` makes it"),
    ],
)
@pytest.mark.parametrize("command", ["archive", "verify"])
def test_a_run_that_is_not_there_is_named(
    command: str,
    name: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    given_ = ["archive", "--run", name] if command == "archive" else ["verify", f"results/{name}"]
    assert main(given_) == 2
    assert capsys.readouterr().err == f"error: {says}\n"


def no_archive(file: Path) -> None:
    file.write_text("no archive")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def without_list(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("equivariance-made/README.md", "text")


def escaping(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../outside", "text")


def list_that_escapes(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"equivariance-made/{CHECKSUMS}", f"{'0' * 64}  ../../outside\n")


def list_of_nonsense(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"equivariance-made/{CHECKSUMS}", "nonsense\n")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (no_archive, "is no zip archive, or it was cut"),
        (cut, "is no zip archive, or it was cut"),
        (without_list, f"has no {CHECKSUMS}: `make archive` did not make it"),
        (escaping, "its entry '../outside' would land outside the folder"),
        (list_that_escapes, "its entry '../../outside' lies outside the folder"),
        (list_of_nonsense, f"line 1 of {CHECKSUMS} is no checksum with a name"),
    ],
)
def test_what_is_no_archive_is_refused(
    damage: Callable[[Path], None], says: str, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "copy.zip"
    shutil.copy(project / "results" / "made.zip", file)
    damage(file)
    with pytest.raises(UserError) as error:
        verify(file)
    assert says in str(error.value) and str(file) in str(error.value)


def test_an_entry_outside_the_folder_or_twice_is_added(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    shutil.copy(project / "results" / "made.zip", file)
    with zipfile.ZipFile(file, "a") as archive:
        content = archive.read("equivariance-made/README.md")
        archive.writestr("notes.txt", "text")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("equivariance-made/README.md", content)
    assert verify(file).added == ["README.md", "notes.txt"]
