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
    assert check_yaml(file) == file.read_text()


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
