"""The data sets as a whole: dispatch, settings, and what holds for every source."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import equivariance.datasets
from equivariance.datasets import SOURCES, prepare
from equivariance.errors import UserError


def test_the_data_set_is_named_as_it_is_called_in_the_configuration(tmp_path: Path) -> None:
    images = prepare("my_digits", {"source": "digits", "stand_in_for": "MNIST"}, None, tmp_path / "cache")
    assert (images.name, images.source, images.stand_in_for) == ("my_digits", "digits", "MNIST")


@pytest.mark.parametrize("settings", [{"source": "digit"}, {}])
def test_an_unknown_source_is_said_with_the_valid_ones(settings: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data set 'mine': unknown source .*digits.*lsa16_schemes"):
        prepare("mine", settings, None, tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_refuses_a_setting_it_does_not_know(source: str, tmp_path: Path) -> None:
    defaults = import_module(f"equivariance.datasets.{source}").DEFAULTS
    with pytest.raises(UserError, match=r"data set 'mine': unknown setting .*'colour'; valid: ") as caught:
        prepare("mine", {"source": source, "title": "Mine", "colour": "red"}, None, tmp_path)
    for key in defaults:
        assert key in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["lsa16", "rwth", "drawn_hands", "lsa16_schemes"])
def test_an_unknown_split_is_said_with_the_valid_ones(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"unknown split of {source} 'subjects'; valid: .*random"):
        prepare("mine", {"source": source, "split": "subjects"}, None, tmp_path)


def test_a_full_disk_is_said_wherever_it_is_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("equivariance.datasets.digits.load", full)
    with pytest.raises(UserError, match=r"the disk that holds .* is full"):
        prepare("digits", {"source": "digits"}, None, tmp_path)


def test_importing_the_package_loads_no_library() -> None:
    code = (
        "import sys, equivariance.datasets;"
        "heavy = {'numpy', 'torch', 'sklearn', 'skimage', 'PIL', 'pooch'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    home = Path(equivariance.datasets.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=home, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_data_set_of_one_class_is_an_error_before_any_network_is_trained(tmp_path: Path) -> None:
    for part in ("train", "test"):
        folder = tmp_path / "images" / part / "cat"
        folder.mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.full((8, 8, 3), 50 * number, np.uint8)).save(folder / f"{number}.png")
    settings = {"source": "folder", "path": str(tmp_path / "images")}
    with pytest.raises(UserError, match=r"data set 'cats' has one class \(cat\): networks tell at least two"):
        prepare("cats", settings, None, tmp_path / "cache")
