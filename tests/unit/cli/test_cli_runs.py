"""The command line as a person uses it: a network, a folder of images, results."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from equivariance.analysis.profiles import layer_profile
from equivariance.cli import folder
from equivariance.cli.main import main
from equivariance.cli.models import load_network
from equivariance.cli.pictures import Pictures, find, sample
from equivariance.measures import measuring, sweep
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

ROOT = Path(__file__).parents[3]
ROTATIONS = ["--transformations", "rotation", "--count", "4"]
SUPPORTED = "supported: .bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp"
SIX = f"6 images in 2 classes: cats 3, dogs 3; left out: 1 file of other kinds (.txt 1); {SUPPORTED}\n"
SIZE_AND_TIME = r"1 pass, \d+ MiB of memory, about \d+ s\n"
PLAN = r"6 images under 4 transformations; 6 layers with 38 units; " + SIZE_AND_TIME


class Small(nn.Module):
    """A network whose one ReLU runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5))

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.head(self.relu(self.conv(images))))


class Partly(Small):
    """One that has a layer besides, which never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def program(small: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "small.pt2"
    sides = (torch.rand(2, 3, 12, 10),)
    exported = torch.export.export(small, sides, dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(exported, file)
    return file


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six images of 12x10 (height x width) in two classes."""
    random = np.random.default_rng(0)
    for index in range(6):
        file = tmp_path / "photos" / ("cats" if index < 3 else "dogs") / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(file)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def call(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "equivariance", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def fits(told: str, *patterns: str) -> bool:
    """Whether what was told are these lines, of which the first is the number of images."""
    first, *others = patterns
    return re.fullmatch(re.escape(first) + "".join(others), told) is not None


def values(table: pd.DataFrame) -> pd.Series:
    keys = [key for key in ("layer", "unit", "measure", "aggregation", "class") if key in table]
    return table.set_index(keys)["value"].sort_index()


def pixels(folder: Path) -> Tensor:
    arrays = [np.asarray(Image.open(file)) for file in find(folder).files]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def test_a_network_of_torchvision_is_measured(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "results" / "resnet"
    done = call(
        *("measure", "--model", "torchvision:resnet18", "--images", photos, "--size", 32),
        *(*ROTATIONS, "--layers", "conv1", "layer4", "fc", "--output", output),
    )
    assert done.returncode == 0, done.stderr
    assert fits(
        done.stderr,
        SIX,
        "6 images under 4 transformations; 3 layers with 1,576 units; " + SIZE_AND_TIME,
    )
    written = ["measures.csv", "profile.csv", "profile_nv.pdf", "heat_map_nv.pdf"]
    assert done.stdout.split() == [str(output / name) for name in written]
    pictures = ["profile_nv.png", "heat_map_nv.png"]
    assert sorted(path.name for path in output.iterdir()) == sorted(written + pictures)
    table = pd.read_csv(output / "measures.csv")
    assert table.groupby("layer", sort=False).size().to_dict() == {"conv1": 64, "layer4": 512, "fc": 1000}
    assert (table["measure"] == "nv").all()
    profile = pd.read_csv(output / "profile.csv")
    np.testing.assert_allclose(profile["mean"], layer_profile(table)["mean"], rtol=1e-12)


def test_an_exported_network_gives_what_the_library_gives_for_the_network(
    small: nn.Module, program: Path, photos: Path, tmp_path: Path
) -> None:
    measures = ["tv", "nv"]
    done = call(
        *("measure", "--model", program, "--images", photos, *ROTATIONS, "--measures", *measures),
        *("--mean", 0.4, 0.5, 0.6, "--std", 0.2, 0.3, 0.4, "--padding", "zeros"),
        *("--aggregations", "before_mean", "after_max", "--format", "parquet", "--output", tmp_path / "out"),
    )
    assert done.returncode == 0, done.stderr
    assert fits(done.stderr, SIX, PLAN)
    centre = torch.tensor([0.4, 0.5, 0.6])[:, None, None]
    spread = torch.tensor([0.2, 0.3, 0.4])[:, None, None]
    expected = measure(
        small,
        pixels(photos),
        build_set("rotation", {"rotations": {"count": 4}}),
        measures,
        aggregations=("before_mean", "after_max"),
        preprocess=lambda images: (images - centre) / spread,
        padding="zeros",
    )
    found = pd.read_parquet(tmp_path / "out" / "measures.parquet")
    assert list(found["layer"].unique()) == ["conv", "relu", "head.0", "head.1", "head.2", "relu:2"]
    assert list(found.drop_duplicates("layer")["kind"]) == [
        *("conv", "activation", "pool", "reshape", "linear", "activation")
    ]
    pd.testing.assert_series_equal(values(found), values(expected), rtol=1e-5)


def test_class_folders_are_the_classes_of_the_stratified_form(
    small: nn.Module, program: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--stratified"]
    assert main([str(word) for word in (*given, "--output", tmp_path / "out")]) == 0
    assert fits(capsys.readouterr().err, SIX, PLAN.replace("images", "images in 2 classes"))
    found = pd.read_csv(tmp_path / "out" / "measures.csv")
    assert list(found["class"].unique()) == ["(mean)", "cats", "dogs"]
    rotations = build_set("rotation", {"rotations": {"count": 4}})
    labels = ["cats"] * 3 + ["dogs"] * 3
    expected = measure(small, pixels(photos), rotations, "nv", labels=labels)
    pd.testing.assert_series_equal(values(found), values(expected), rtol=1e-5)


def test_what_is_not_measured_is_named_and_why_is_in_a_table(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["measure", "--model", "test_cli_runs:Partly", "--images", photos, *ROTATIONS, "--size", "12x10"]
    words = [*given, "--measures", "nvse", "--output", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    printed = capsys.readouterr()
    assert fits(
        printed.err,
        SIX,
        PLAN,
        r"left out: 1 layer \(unused\); the reasons are in left_out.csv\n",
        r"no same-equivariance: 3 layers \(head.1, head.2, relu:2\); the reasons are in left_out.csv\n",
    )
    assert str(tmp_path / "out" / "left_out.csv") in printed.out.split()
    reasons = pd.read_csv(tmp_path / "out" / "left_out.csv").set_index("layer")["reason"]
    none = "no same-equivariance: it has no feature maps"
    assert reasons.to_dict() == {
        "unused": "was not called", "head.1": none, "head.2": none, "relu:2": none
    }  # fmt: skip
    measured = pd.read_csv(tmp_path / "out" / "measures.csv")
    assert list(measured["layer"].unique()) == ["conv", "relu", "head.0"]


def test_a_run_that_was_stopped_goes_on(
    program: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    # So many transformations that the images are taken one by one.
    given = ["measure", "--model", program, "--images", photos, "--transformations", "combined", "--output"]
    given = [str(word) for word in given]
    read = Pictures.__getitem__
    reads: list[int] = []
    stop_at = 0

    def counted(pictures: Pictures, index: int) -> Tensor:
        reads.append(index)
        if len(reads) == stop_at:
            raise KeyboardInterrupt
        return read(pictures, index)

    monkeypatch.setattr(Pictures, "__getitem__", counted)
    monkeypatch.setattr(measuring, "SAVE_EVERY", 0.0)
    assert main([*given, str(tmp_path / "whole")]) == 0
    needed = len(reads)

    capsys.readouterr()
    reads.clear()
    stop_at = needed - 1
    assert main([*given, str(tmp_path / "cut")]) == 130
    assert capsys.readouterr().err.endswith("s\nstopped; 67% is saved: repeat the command to resume\n")
    (left,) = (tmp_path / "cut").iterdir()

    anew = (
        f"command to resume it, delete {left.with_suffix('')}.* to start over, or choose another --output\n"
    )
    for words, differ, how in (
        (["--padding", "zeros"], "settings", "repeat its"),
        (["--samples", "5"], "settings and images", "restore its images and repeat its"),
    ):
        assert main([*given, str(tmp_path / "cut"), *words]) == 2
        assert capsys.readouterr().err == (
            f"error: {tmp_path / 'cut'} has an interrupted run with other {differ}; {how} {anew}"
        )
    more = photos / "cats" / "more.png"
    Image.new("RGB", (10, 12)).save(more)
    assert main([*given, str(tmp_path / "cut")]) == 2
    how = "restore its images and repeat its"
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'cut'} has an interrupted run with other images; {how} {anew}"
    )
    more.write_bytes(b"")  # what is left out does not make them other images

    reads.clear()
    stop_at = 0
    assert main([*given, str(tmp_path / "cut"), "--skip-damaged"]) == 0
    assert "\nresuming the interrupted run\n" in capsys.readouterr().err
    assert len(reads) <= needed - 4  # of the six images, four had been measured
    assert not left.exists()
    whole, cut = (pd.read_csv(tmp_path / name / "measures.csv") for name in ("whole", "cut"))
    pd.testing.assert_series_equal(values(cut), values(whole), rtol=1e-12)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, OSError(28, "No space left on device", "out/x")])
def test_what_was_measured_is_kept_until_the_results_are_written(
    program: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], ending: BaseException,
) -> None:  # fmt: skip
    def failing(*given: object) -> None:
        raise ending

    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--output", tmp_path / "out"]
    given = [str(word) for word in given]
    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_figures", failing)
        assert main(given) == (2 if isinstance(ending, OSError) else 130)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: out/x: no space left on device"
        if isinstance(ending, OSError)
        else "stopped; what was measured is saved: repeat the command to resume"
    )
    monkeypatch.setattr(sweep.Sweep, "_sweep", failing)  # as nothing is to be measured again
    assert main(given) == 0
    assert "resuming the interrupted run" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("checkpoint-*"))


def test_before_anything_is_saved_an_interrupt_says_so(
    program: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--output", tmp_path / "out"]
    monkeypatch.setattr(sweep.Sweep, "_sweep", stopped)
    assert main([str(word) for word in given]) == 130
    assert fits(
        capsys.readouterr().err,
        SIX,
        PLAN,
        "stopped; nothing is saved yet: checkpoints are written once a minute\n",
    )
    monkeypatch.setattr(folder, "find", stopped)
    assert main([str(word) for word in given]) == 130
    assert capsys.readouterr().err == "stopped; nothing was saved yet\n"


def test_little_memory_gives_the_same_results_in_more_passes(
    program: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--measures", "nv", "nd"]
    found = []
    for memory in ("1", "1e-5"):
        words = [*given, "--memory", memory, "--output", tmp_path / memory]
        assert main([str(word) for word in words]) == 0
        found.append(pd.read_csv(tmp_path / memory / "measures.csv"))
    assert re.search(r"units; \d+ passes, 1 MiB of memory", capsys.readouterr().err)
    pd.testing.assert_series_equal(values(found[0]), values(found[1]), rtol=1e-12)


def test_a_sample_is_random_balanced_and_the_same_for_a_seed(photos: Path) -> None:
    files = find(photos).files
    assert [file.name for file in files] == [f"{index}.png" for index in range(6)]
    chosen = [tuple(sample(files, 4, seed).items()) for seed in range(8)]
    assert chosen == [tuple(sample(files, 4, seed).items()) for seed in range(8)]
    assert len(set(chosen)) > 1
    for one in chosen:
        assert list(one) == sorted(one)
        assert [name for _, name in one] == ["cats", "cats", "dogs", "dogs"]
    assert sample(files, None, 0) == sample(files, 9, 0) == files


def test_sixteen_bits_give_the_results_of_their_twins_of_eight(program: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for index in range(3):
        gray = draw.integers(0, 256, (12, 10), dtype=np.uint8)
        for depth, pixels in (("eight", gray), ("sixteen", gray.astype(np.uint16) * 257)):
            (tmp_path / depth).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / depth / f"{index}.png")
    given = ["measure", "--model", program, *ROTATIONS]
    for depth in ("eight", "sixteen"):
        words = [*given, "--images", tmp_path / depth, "--output", tmp_path / f"of_{depth}"]
        assert main([str(word) for word in words]) == 0
    eight, sixteen = (tmp_path / f"of_{depth}" / "measures.csv" for depth in ("eight", "sixteen"))
    assert eight.read_bytes() == sixteen.read_bytes()


@pytest.mark.parametrize("remedy", ["removed", "--skip-damaged"])
def test_after_a_damaged_image_the_same_command_goes_on(
    program: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], remedy: str
) -> None:
    damaged = photos / "dogs" / "9.png"
    damaged.write_bytes((photos / "dogs" / "5.png").read_bytes()[:60])
    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--output", tmp_path / "out"]
    given = [str(word) for word in given]
    assert main(given) == 2
    assert "1 of 7 images cannot be read: 1 damaged (dogs/9.png)" in capsys.readouterr().err
    if remedy == "removed":
        damaged.unlink()
        assert main(given) == 0
        assert fits(capsys.readouterr().err, SIX, PLAN)
    else:
        assert main([*given, remedy]) == 0
        told = SIX.replace("6", "6 of 7").replace("left out: ", "left out: 1 damaged (dogs/9.png), ")
        assert fits(capsys.readouterr().err, told, PLAN)


def test_results_inside_the_folder_of_images_are_not_measured(
    program: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["measure", "--model", program, "--images", photos, *ROTATIONS, "--output", photos / "out"]
    for _ in range(2):
        assert main([str(word) for word in given]) == 0
    first, _, again, _ = capsys.readouterr().err.splitlines()
    assert first == SIX.strip()
    assert again == SIX.strip().replace("(.txt 1)", "(.txt 1), the folder of results (out)")


def test_a_random_network_is_that_of_its_seed() -> None:
    first, again, other = (
        load_network("torchvision:squeezenet1_1", seed).model.state_dict()["features.0.weight"]
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pre_trained_weights_bring_their_normalization(monkeypatch: pytest.MonkeyPatch) -> None:
    state = load_network("torchvision:squeezenet1_1", 5).model.state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *given, **options: state)
    network = load_network("torchvision:squeezenet1_1:DEFAULT", 0)
    assert torch.equal(network.model.state_dict()["features.0.weight"], state["features.0.weight"])
    assert (network.mean, network.std) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_logging_is_as_it_was_after_a_model_was_read(program: Path) -> None:
    load_network(str(program), 0)
    assert logging.root.manager.disable == logging.NOTSET
