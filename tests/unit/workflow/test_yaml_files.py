"""YAML files: what is no YAML, or says a thing twice, is refused with its place."""

from pathlib import Path

import pytest

from equivariance.errors import UserError
from equivariance.workflow.yaml_files import check_yaml, read_yaml, typed


def test_files_are_merged_key_by_key_and_later_ones_win(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("jobs: {gpus: 1, minutes: 2}\nrun: thesis\n")
    (tmp_path / "b.yaml").write_text("\ufeffjobs: {gpus: 0}\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("")
    files = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    assert read_yaml(*files) == {"jobs": {"gpus": 0, "minutes": 2}, "run": "thesis"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"run: tiny\nrun: big\n", "'run' stands in lines 1 and 2: keep one"),
        (b"jobs:\n  gpus: 0\n  minutes: 1\n  gpus: 1\n", "'gpus' stands in lines 2 and 4: keep one"),
        (b"a: [{b: 1, b: 2}]\n", "'b' stands in lines 1 and 1: keep one"),
        ("# Größe\nrun: tiny\n".encode("latin-1"), "byte 5, in line 1, is not UTF-8: save the file as UTF-8"),
        ("run: tiny\n".encode("utf-16"), "byte 1, in line 1, is not UTF-8: save the file as UTF-8"),
        (b"run: {tiny\n", "is no YAML: "),
        (b"run:\ttiny\n\tx: 1\n", "is no YAML: "),
        (b"run: a: b\n", "is no YAML: "),
        (b"jobs:\n  minutes: 1:30\n", "1:30, in line 2, is read as a number of another base"),
        (b"jobs: {threads: 010}\n", "010, in line 1, is read as a number of another base"),
        (b"run: '\n", "is no YAML: "),
        (b"run: !!python/name:os.system\n", "could not determine a constructor for the tag"),
        (b"? [run, jobs]\n: 1\n", "is no YAML: "),
        (b"run: 2024-13-45\n", "month must be in 1..12"),
        (b"run: *name\n", "found undefined alias"),
        (b"run: tiny\n---\nrun: big\n", "expected a single document"),
        (b"run: tiny\x00\n", "is no YAML: "),
        (b"- run: tiny\n", "is a list; needed: sections with their settings"),
        (b"tiny\n", "is a text; needed: sections"),
        (b"3\n", "is one value; needed: sections"),
        (b"jobs:\n  models: &m\n    a: [*m]\n", "the anchor in line 2 contains itself"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as raised:
        check_yaml(file)
    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)


def test_the_same_key_may_stand_in_different_mappings(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: {x: 1}\nb: {x: 2}\nc: [{x: 1}, {x: 2}]\n")
    assert check_yaml(file) == {"a": {"x": 1}, "b": {"x": 2}, "c": [{"x": 1}, {"x": 2}]}


def test_anchors_and_merge_keys_are_written_out(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n")
    assert check_yaml(file) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def test_a_file_that_there_is_not_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(UserError, match=rf"{path} cannot be read \(.*\); give a file of settings"):
            check_yaml(path)


def test_numbers_of_the_command_line_are_numbers() -> None:
    given = {
        "jobs": {"gpus": "0", "gflops": "1.5e+4"},
        "only": ["kernel_size"],
        "mirror": "null",
    }
    assert typed(given) == {
        "jobs": {"gpus": 0, "gflops": 15000.0},
        "only": ["kernel_size"],
        "mirror": None,
    }
    assert typed({"pretrained": "false", "mirror": "../a: b", "seeds": 3}) == {
        "pretrained": False,
        "mirror": "../a: b",
        "seeds": 3,
    }


@pytest.mark.parametrize("text", ["[a", "{a: b", "@", '"a', "*a", "2024-13-45", "!!python/name:os.system"])
def test_texts_of_the_command_line_that_are_no_yaml_stay_texts(text: str) -> None:
    assert typed({"run": text}) == {"run": text}
