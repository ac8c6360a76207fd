"""Each mistake on the command line is one line that says what is valid, and exit status 2."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from equivariance.cli.exported import REMEDY
from equivariance.cli.main import main
from equivariance.errors import unknown
from equivariance.measures.names import AGGREGATIONS, FAMILIES, FAMILY_OF

ROOT = Path(__file__).parents[3]
HELP = "--help shows all options"
COUNTED = re.compile(r"(1 of )?[12] images?( in [12] class(es)?: .*)?")

Mistake = Callable[..., str]


@pytest.fixture
def mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Mistake:
    """Give words beyond the necessary ones, get the one line of the mistake; paths begin with `here`."""
    save(tmp_path / "photos" / "a.png", (8, 8))
    save(tmp_path / "photos" / "z.png", (8, 8))

    def told(*words: str, **replaced: str) -> str:
        needed = {
            "model": "torchvision:squeezenet1_1",
            "images": str(tmp_path / "photos"),
            "transformations": "rotation",
            "output": str(tmp_path / "out"),
            **replaced,
        }
        status = main(["measure", *(f"--{name}={value}" for name, value in needed.items()), *words])
        printed = capsys.readouterr()
        assert (status, printed.out) == (2, "")
        *before, line = printed.err.removesuffix("\n").split("\n")
        assert [*map(COUNTED.fullmatch, before)].count(None) == 0  # told when they have been read
        assert line.startswith("error: ")
        return line.removeprefix("error: ").replace(str(tmp_path), "here")

    return told


def save(file: Path, size: tuple[int, int]) -> None:
    """Write a black picture of a height and a width."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), dtype=np.uint8)).save(file)


def export(model: nn.Module, file: Path, shape: tuple[int, ...], dynamic: bool) -> str:
    batch = ({0: torch.export.Dim("batch")},) if dynamic else None
    torch.export.save(torch.export.export(model.eval(), (torch.rand(shape),), dynamic_shapes=batch), file)
    return str(file)


def test_names(mistake: Mistake) -> None:
    measures = unknown("measure", "nvv", (*FAMILIES, *FAMILY_OF))
    assert mistake("--measures", "nv", "nvv") == f"argument --measures: {measures}; {HELP}"
    assert mistake("--measures", "nd@1") == (
        "argument --measures: measure 'nd@1': invalid parameter; valid: a whole number of vectors from 2; "
        f"{HELP}"
    )
    aggregations = unknown("aggregation", "mean", AGGREGATIONS)
    assert mistake("--aggregations", "mean") == f"argument --aggregations: {aggregations}; {HELP}"
    assert mistake(transformations="rotations") == (
        "argument --transformations: unknown set of transformations 'rotations'; "
        f"valid: rotation, translation, combined, none, scale; {HELP}"
    )
    layers = mistake("--size", "64", "--layers", "features.0", "first")
    assert layers.startswith("unknown layer 'first'; valid: SqueezeNet, classifier, classifier.0, ")
    assert layers.endswith(" more")
    assert mistake("--size", "64", "--exclude", "classifierr").startswith(
        "exclude: unknown layer 'classifierr'; valid: classifier, classifier."
    )
    assert mistake("--size", "64", "--layers", "classifier.*", "--exclude", "classifier") == (
        "no layer is left to measure: all are excluded"
    )
    assert mistake("--maps", "features=rows") == (
        "argument --maps: unknown layout 'rows'; valid: channels_first, channels_last, class_tokens, "
        f"tokens, vector; {HELP}"
    )
    for option, needed in (("--maps", "NAME=LAYOUT"), ("--outputs", "NAME=KEY")):
        line = mistake(option, "rows")
        assert line == f"argument {option}: 'rows' is not valid; needed: {needed}; {HELP}"


def test_numbers(mistake: Mistake) -> None:
    assert mistake("--size", "32x") == (
        f"argument --size: '32x' is not a size; valid: 224, or a height and width such as 240x320; {HELP}"
    )
    assert mistake("--size", "32x10001") == (
        f"argument --size: '32x10001' is too large; valid: up to 10000 pixels; {HELP}"
    )
    for seed in ("-1", "x", str(2**63)):
        assert mistake(f"--seed={seed}") == (
            f"argument --seed: '{seed}' is not valid; needed: an integer from 0 to 2**63 - 1; {HELP}"
        )
    assert mistake("--samples", "1") == "1 sample; nv compares samples and needs at least 2"
    assert mistake("--samples", "0") == (
        f"argument --samples: '0' is not valid; needed: an integer of at least 1; {HELP}"
    )
    assert mistake("--memory", "much") == (
        f"argument --memory: 'much' is not valid; needed: a number above 0; {HELP}"
    )
    assert mistake("--count", "12", transformations="scale") == (
        "the set 'scale' cannot have 12 members; nearest: 7 or 13"
    )
    assert mistake("--mean", "0.5", "0.5") == "--mean has 2 numbers; squeezenet1_1 takes 3 channels"
    assert mistake("--mean", "0.5") == "--mean has 1 number; squeezenet1_1 takes 3 channels"
    assert mistake("--mean", "nan", "0", "0") == "--mean is nan; valid: a finite number"
    for std in ("0", "-1", "nan", "inf", "1e-09"):
        assert mistake("--std", "1", "1", std) == f"--std is {std}; valid: a number from 1e-06"
    assert mistake("--size", "64", transformations="none") == (
        "1 transformation; nv compares transformations and needs at least 2"
    )


def test_models(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake(model="model.pt2") == (
        "model file not found: model.pt2; valid: FILE.pt2 of torch.export, MODULE:FUNCTION or "
        "FILE.py:FUNCTION, torchvision:NAME such as torchvision:resnet18, timm:NAME"
    )
    damaged = tmp_path / "damaged.pt2"
    damaged.write_bytes(b"PK")
    assert mistake(model=str(damaged)) == f"here/damaged.pt2 is not a file of torch.export (.pt2); {REMEDY}"
    weights = tmp_path / "weights.pt2"
    torch.save({"weight": torch.zeros(1)}, weights)
    assert mistake(model=str(weights)) == f"here/weights.pt2 is not a file of torch.export (.pt2); {REMEDY}"
    fixed = export(nn.Conv2d(3, 2, 3), tmp_path / "fixed.pt2", (2, 3, 8, 8), dynamic=False)
    other = "choose another --count, or export it for any number of images, as at the end of --help"
    assert mistake(model=fixed) == (
        f"fixed takes 2 images at a time, which is too few for 49 transformations; {other}"
    )
    five = export(nn.Conv2d(3, 2, 3), tmp_path / "five.pt2", (5, 3, 8, 8), dynamic=False)
    assert mistake("--count", "4", model=five) == (
        f"five takes 5 images at a time, which is no multiple of the 4 transformations; {other}"
    )
    rows = export(nn.Linear(3, 2), tmp_path / "rows.pt2", (2, 3), dynamic=True)
    assert mistake(model=rows) == (
        "here/rows.pt2 takes (any, 3); needed: images (batch, 1 or 3 channels, height, width)"
    )
    sides = export(nn.Conv2d(3, 2, 3), tmp_path / "sides.pt2", (2, 3, 9, 8), dynamic=True)
    assert mistake("--size", "16", model=sides).startswith(
        "sides cannot process images of 3x16x16; it needs --size 9x8 ("
    )
    assert mistake(model="torchvision:resnet19").startswith(
        "unknown torchvision network 'resnet19'; valid: resnet1"
    )
    for weights in ("BEST", ""):
        assert mistake(model=f"torchvision:squeezenet1_1:{weights}") == (
            f"unknown weights of squeezenet1_1 {weights!r}; valid: DEFAULT, IMAGENET1K_V1"
        )


def test_weights_that_cannot_be_downloaded(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*given: object, **options: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    line = mistake(model="torchvision:squeezenet1_1:IMAGENET1K_V1")
    assert line.startswith(
        "the weights IMAGENET1K_V1 of squeezenet1_1 cannot be downloaded (<urlopen error no route to host>)"
    )
    assert line.endswith(".pth into here/hub/hub/checkpoints, or leave out :IMAGENET1K_V1 for random weights")


def test_images(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake(images=str(tmp_path / "none")) == "image folder not found: here/none"
    (tmp_path / "empty" / "cats").mkdir(parents=True)
    supported = "supported: .bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp"
    none = "no images in here/empty or its subfolders"
    assert mistake(images=str(tmp_path / "empty" / "cats")) == (
        f"{none.replace('empty', 'empty/cats')}; {supported}"
    )
    (tmp_path / "empty" / "notes.txt").write_text("no image")
    assert mistake(images=str(tmp_path / "empty")) == (
        f"{none} (but 1 file of other kinds (.txt 1), 1 folder without images (cats)); {supported}"
    )
    assert mistake("--stratified") == (
        "here/photos/a.png is not in the folder of a class, which --stratified needs"
    )
    save(tmp_path / "photos" / "b.png", (8, 9))
    assert mistake() == (
        "here/photos: images differ in size (height x width): a.png is 8x8, like 1 other; b.png is 8x9; "
        "give one --size for all, such as --size 224"
    )


@pytest.mark.parametrize("size", [[], ["--size", "64"]])
def test_damaged_images_are_told_before_anything_is_measured(
    mistake: Mistake, tmp_path: Path, size: list[str]
) -> None:
    (tmp_path / "photos" / "b.png").write_text("no image")
    (tmp_path / "photos" / "c.png").write_bytes(b"")
    assert mistake(*size, "--layers", "features.0") == (
        "here/photos: 2 of 4 images cannot be read: 1 damaged or in an unsupported format (b.png), "
        "1 empty (c.png); repair or remove them, or leave them out with --skip-damaged"
    )
    assert not (tmp_path / "out").exists()
    (tmp_path / "photos" / "a.png").unlink()
    (tmp_path / "photos" / "z.png").unlink()
    assert mistake(*size, "--skip-damaged") == (
        "here/photos: no image can be read: 1 damaged or in an unsupported format (b.png), 1 empty (c.png)"
    )


def test_an_image_that_is_too_small_for_the_network(mistake: Mistake) -> None:
    assert mistake().startswith("squeezenet1_1 cannot process images of 3x8x8 (")


def test_a_memory_that_is_too_small(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    size, remedy = "64 bytes", "reduce --size, --count or --memory, or choose fewer --layers"
    of_torch = f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {size}. Error code 12"
    of_a_gpu = torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size}. GPU 0 has a total of")
    for error, told in (
        (RuntimeError(of_torch), f" ({size} more needed)"),
        (of_a_gpu, f" ({size} more needed)"),
        (MemoryError(), ""),
    ):

        def failing(*given: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("equivariance.measures.survey.Surveyor.inspect", failing)
        line = mistake("--size", "64")
        assert line == f"not enough memory for squeezenet1_1 with images of 3x64x64{told}; {remedy}"


def test_a_class_that_cannot_be_measured(mistake: Mistake, tmp_path: Path) -> None:
    for name in ("photos/a.png", "photos/z.png"):
        (tmp_path / name).unlink()
    save(tmp_path / "photos" / "cats" / "a.png", (8, 8))
    save(tmp_path / "photos" / "dogs" / "a.png", (8, 8))
    assert mistake("--stratified") == "1 sample in class 'cats'; nv compares samples and needs at least 2"
    (tmp_path / "photos" / "dogs").rename(tmp_path / "photos" / "dogs\udcff")
    assert mistake("--stratified") == "the class name 'dogs\\udcff' is not valid UTF-8; rename its folder"


def test_same_equivariance_needs_feature_maps(mistake: Mistake) -> None:
    line = mistake("--size", "64", "--measures", "nvse", "--aggregations", "first_mean")
    assert line == "measure 'nvse' needs feature maps, which 'first_mean' pools away"


def test_output(mistake: Mistake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert mistake(output=str(tmp_path / "file")) == "here/file is a file; --output needs a folder"
    assert mistake(output=str(tmp_path / "photos" / ".." / "photos")) == (
        "--output is the image folder, where the figures would be read as images; choose another folder"
    )
    assert mistake("--size", "64", output=str(tmp_path / "file" / "out")) == (
        "here/file/out cannot be created: not a directory"
    )


def test_an_output_that_cannot_be_written_to(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object, **options: object) -> None:  # as root may write everywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("equivariance.cli.folder.TemporaryFile", refused)
    line = mistake("--size", "64", output=str(tmp_path / "out"))
    assert line == "here/out cannot be written to: permission denied"


def test_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "--model", "torchvision:resnet18"]) == 2
    needed = "--images, --transformations, --output"
    expected = f"error: the following arguments are required: {needed}; {HELP}\n"
    assert capsys.readouterr().err == expected
    assert main([]) == 2
    assert capsys.readouterr().err == f"error: the following arguments are required: COMMAND; {HELP}\n"


def test_help_and_mistakes_in_names_need_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from equivariance.cli.main import main\n"
        "status = main(['measure', '--model', 'x.pt2', '--images', '.', '--transformations', 'none', "
        "'--output', 'o', '--measures', 'none'])\n"
        "assert status == 2\n"
        "main(['measure', '--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts"), "COLUMNS": "100"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("error: argument --measures: unknown measure 'none'")
    assert "rotation (49), scale (49), translation (49), combined (504)" in " ".join(done.stdout.split())
    assert "example" in done.stdout
    for told in ("EXIF", "transparent", "16 bits", "first is measured", "at any depth", "--skip-damaged"):
        assert told in done.stdout
