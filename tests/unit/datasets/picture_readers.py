"""Two ways to give a folder of pictures: on the command line, and to the workflow as the source `folder`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from equivariance.cli.arguments import Arguments, parse
from equivariance.cli.pictures import Pictures, check, check_classes, find
from equivariance.datasets import folder
from equivariance.errors import UserError

GRAY = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
TWIN = Image.fromarray(GRAY)
WHITE = Image.new("L", (6, 4), 255)


@dataclass
class Reader:
    """A person's folder of pictures: `root` has the folders of the classes."""

    root: Path
    told: str = ""  # what the person reads, of the last call
    classes: list[str] = field(default_factory=list)  # of each picture
    remedy: ClassVar[str]
    remedy_of_size: ClassVar[str]

    def put(self, name: str, picture: Image.Image = TWIN, **options: Any) -> Path:
        """Save a picture: a copy, for saving leaves its mark on an image."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if "append_images" in options:
            options["append_images"] = [frame.copy() for frame in options["append_images"]]
        picture.copy().save(file, **options)
        return file

    def read(self, size: tuple[int, int] | None = None, skip: bool = False) -> np.ndarray:
        """Give all pictures (N, 3, H, W), those of the workflow's part `test` excepted."""
        raise NotImplementedError

    def mistake(self, **options: Any) -> str:
        with pytest.raises(UserError) as raised:
            self.read(**options)
        return str(raised.value)


class CommandLine(Reader):
    remedy, remedy_of_size = "--skip-damaged", "one --size for all, such as --size 224"

    def read(self, size: tuple[int, int] | None = None, skip: bool = False) -> np.ndarray:
        found = find(self.root)
        check_classes(found)
        checked = check(found, command(self.root, *(["--skip-damaged"] if skip else [])), 3, size)
        self.told, self.classes = checked.text(), list(checked.files.values())
        images = Pictures(list(checked.files), 3, size)
        return np.stack([images[index].numpy() for index in range(len(images))])


@dataclass
class Workflow(Reader):
    caplog: pytest.LogCaptureFixture | None = None
    remedy = "skip_damaged: true"
    remedy_of_size = "image_size: [height, width]"

    def read(self, size: tuple[int, int] | None = None, skip: bool = False) -> np.ndarray:
        settings = {"path": self.root.parent.name, "image_size": size, "skip_damaged": skip}
        self.caplog.clear()
        images = folder.load(settings, str(self.root.parents[1]), self.root.parents[1] / "cache")
        self.told = self.caplog.text
        self.classes = [images.classes[label] for label in images.train[1]]
        return images.train[0]


def command(images: Path, *words: str) -> Arguments:
    needed = {"model": "torchvision:resnet18", "images": images, "transformations": "none", "output": "out"}
    arguments = parse(["measure", *(f"--{name}={value}" for name, value in needed.items()), *words])
    assert isinstance(arguments, Arguments)
    return arguments


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags
