"""What can be asked for on the command line, and the mistakes that show without torch."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from equivariance.errors import UserError, unknown
from equivariance.measures.names import AGGREGATIONS, FAMILIES, FAMILY_OF, MEMBERS, base, mistake
from equivariance.transformations.named import NAMED, named_spec
from equivariance.transformations.parameters import Spec, set_size

TORCHVISION, TIMM = COLLECTIONS = ("torchvision:", "timm:")
FORMS = (
    "FILE.pt2 of torch.export, MODULE:FUNCTION or FILE.py:FUNCTION, torchvision:NAME such as "
    "torchvision:resnet18, timm:NAME"
)

DESCRIPTION = """\
Measure how much each layer of a network changes when its input is transformed.

Writes to the folder OUTPUT: measures.csv, a row per layer, unit and measure (measures.parquet where there are
more than a million); profile.csv, a row per layer and measure; and for each measure two figures as PDF and
PNG, its profile over the layers and a heat map of all units. A run that was stopped goes on when the same
command is given again.
"""

PICTURES = """\
images: a folder in FOLDER is a class, with all images below it, at any depth; hidden files and folders are
left out. All images are read before the first is measured, and all that are damaged are named. An image is
turned by its EXIF tag, as a viewer shows it. What is transparent is composed on black. Gray of 16 bits is
scaled to 8 bits; floats and whole numbers of 32 bits have no known range and are refused. Of several frames
or pages the first is measured. Colour profiles are not applied.

"""

EXAMPLE = """\
example, with a network of torchvision and its pre-trained weights:

  python -m equivariance measure --model torchvision:resnet18:DEFAULT --images photos --size 224 \\
      --transformations rotation --count 16 --measures nv nvse --output resnet18

A network of your own is a function without arguments that gives it, here `build` in the file nets.py, and a
file of its weights, which torch.save(model.state_dict(), "weights.pth") wrote:

  python -m equivariance measure --model nets.py:build --weights weights.pth --images photos \
      --transformations rotation --output own

Or three lines of Python make one file of it, which needs no code; its input must allow any number of images:

  batch = torch.export.Dim("batch")
  program = torch.export.export(model.eval(), (torch.rand(2, 3, 224, 224),), dynamic_shapes=({0: batch},))
  torch.export.save(program, "model.pt2")
"""

PLAN = """\
Tell what a run of the workflow would do: its jobs by rule, its networks and measurements by model with their
floating point operations, and the estimated hours. Nothing is run, and no data are needed. For the folder of
the Snakefile.
"""


@dataclass(frozen=True)
class Arguments:
    """What to measure, with which images, and where to write; see the help of each option."""

    model: str
    weights: Path | None
    images: Path
    skip_damaged: bool
    transformations: str
    count: int | None
    measures: list[str]
    aggregations: list[str]
    layers: list[str] | None
    size: tuple[int, int] | None  # (height, width)
    samples: int | None
    mean: list[float] | None
    std: list[float] | None
    padding: Literal["border", "zeros"]
    mask: bool
    stratified: bool
    device: str
    autocast: bool
    memory: float | None  # GiB
    seed: int
    output: Path
    format: str

    @property
    def spec(self) -> Spec:
        """The set of transformations."""
        return named_spec(self.transformations, self.count)


@dataclass(frozen=True)
class PlanArguments:
    """Which run to plan, and what it would run on; see the help of each option."""

    config: list[Path]
    cores: int
    flops_per_second: float | None


def parse(given: Sequence[str]) -> Arguments | PlanArguments:
    """Read what follows `python -m equivariance`. Raises UserError for mistakes that show without torch."""
    options = vars(_parser().parse_args(given))
    if options.pop("command") == "plan":
        return PlanArguments(**options)
    arguments = Arguments(**options)
    _ = arguments.spec
    _check_model(arguments.model, arguments.weights)
    if not arguments.images.is_dir():
        raise UserError(f"there is no folder of images {arguments.images}")
    if arguments.output.exists() and not arguments.output.is_dir():
        raise UserError(f"{arguments.output} is a file; --output needs a folder")
    if arguments.output.resolve() == arguments.images.resolve():
        raise UserError("--output is the folder of the images; its figures would be images too: give another")
    return arguments


def names_function(model: str) -> bool:
    """Tell whether a model is `MODULE:FUNCTION` or `FILE.py:FUNCTION`."""
    source, _, name = model.rpartition(":")
    importable = all(part.isidentifier() for part in source.split("."))
    return name.isidentifier() and (importable or source.endswith(".py")) and not Path(model).is_file()


def _check_model(model: str, weights: Path | None) -> None:
    in_collection = model.startswith(COLLECTIONS)
    if not (in_collection or names_function(model)):
        if not Path(model).is_file():
            raise UserError(f"there is no model file {model}; valid: {FORMS}")
        if model.endswith(".py"):
            raise UserError(f"{model} needs the name of a function that gives a network: {model}:FUNCTION")
        if weights:
            raise UserError(f"--weights {weights} is not for a model file, which has weights of its own")
    if weights and in_collection and model.count(":") > 1:
        published = model.rpartition(":")[2]
        raise UserError(f"--weights {weights} and :{published} are both weights; give one of them")
    if weights and not weights.is_file():
        raise UserError(f"there is no file of weights {weights}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows all options")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m equivariance",
        description="Invariance and same-equivariance of neural networks.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="measure|plan")
    measure = commands.add_parser(
        "measure",
        help="measure the layers of a network on a folder of images",
        description=DESCRIPTION,
        epilog=PICTURES + EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_inputs(measure)
    _add_measures(measure)
    _add_running(measure)
    plan = commands.add_parser(
        "plan",
        help="tell the jobs and the estimated hours of a run of the workflow, before anything is run",
        description=PLAN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_plan(plan)
    return parser


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network and images")
    group.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="FILE.pt2, a network saved by torch.export with any number of images in a batch; or "
        "MODULE:FUNCTION or FILE.py:FUNCTION, your own Python function that gives a network; or "
        "torchvision:NAME or timm:NAME, a network of these collections with random weights; or "
        "torchvision:NAME:WEIGHTS or timm:NAME:WEIGHTS, with pre-trained ones, such as "
        "torchvision:resnet18:DEFAULT, which are downloaded",
    )
    group.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="weights for a network that is no FILE.pt2: .safetensors, or .pth (.pt, .bin, .ckpt, .tar) of "
        "torch.save(model.state_dict(), FILE); only tensors are read, never code",
    )
    group.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="images directly in the folder, or in a folder for each class; pixels 0 to 255 become 0 to 1",
    )
    group.add_argument(
        "--skip-damaged",
        action="store_true",
        help="leave out the images that cannot be read, and name them (default: they are an error)",
    )
    group.add_argument(
        "--size",
        type=_size,
        metavar="N|HxW",
        help="resize all images to this height and width in pixels (default: the size that the "
        "network is fixed to, else that of the images)",
    )
    group.add_argument(
        "--samples", type=_whole, metavar="N", help="number of images, chosen at random (default: all)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help=(
        "chooses the images, and the random weights of a network (default: %(default)s)"
    ))  # fmt: skip
    for name, text, default in (
        ("mean", "subtract this from each colour, of pixels 0 to 1", "0"),
        ("std", "then divide by this", "1"),
    ):
        group.add_argument(
            f"--{name}",
            nargs="+",
            type=float,
            metavar=("R", "G B"),
            help=f"{text}: a number for each channel (default: that of pre-trained weights, else {default})",
        )


def _add_measures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to measure")
    sizes = ", ".join(f"{name} ({set_size(spec)})" for name, spec in NAMED.items())
    group.add_argument(
        "--transformations",
        required=True,
        type=_set_name,
        metavar="SET",
        help=f"with the number of members: {sizes}; rotations cover the full turn, scales factors 0.5 to "
        "1.25, translations up to 15%% of the longer side",
    )
    group.add_argument(
        "--count", type=_whole, metavar="N", help="number of members of the set, instead of the above"
    )
    families = "; ".join(f"{family} stands for {' '.join(members)}" for family, members in MEMBERS.items())
    group.add_argument(
        "--measures",
        nargs="+",
        type=_measure,
        default=["nv"],
        metavar="NAME",
        help=f"measures or families (default: nv, the normalized variance: 0 is invariant): {families}",
    )
    group.add_argument(
        "--aggregations",
        nargs="+",
        type=_aggregation,
        default=["before_mean"],
        metavar="NAME",
        help="from pixels to one value per feature map (default: before_mean, the mean before dividing): "
        + " ".join(AGGREGATIONS),
    )
    group.add_argument(
        "--layers", nargs="+", metavar="NAME", help="names of modules (default: all without children)"
    )
    group.add_argument(
        "--stratified", action="store_true", help="measure within each class, then average over classes"
    )
    group.add_argument(
        "--padding",
        choices=("border", "zeros"),
        default="border",
        help="what is seen beyond an image: its nearest pixel or zeros (default: %(default)s)",
    )
    group.add_argument(
        "--mask",
        action="store_true",
        help="same-equivariance: leave out pixels of feature maps that a transformation moves out",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results and resources")
    group.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="where to write")
    group.add_argument(
        "--format",
        choices=("auto", "csv", "parquet"),
        default="auto",
        help="of the table of units, measures.csv or measures.parquet; auto is csv up to a million rows, "
        "parquet above (default: %(default)s)",
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is a GPU if there is one (default: %(default)s)",
    )
    group.add_argument(
        "--autocast", action="store_true", help="run the network in bfloat16 where that is safe: faster"
    )
    group.add_argument(
        "--memory",
        type=_positive,
        metavar="GiB",
        help="memory for the state of the measures, in GiB; layers are then measured in groups, with a pass "
        "over the images for each (default: all at once)",
    )


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="YAML that overrides config/config.yaml, as for snakemake --configfile (default: the thesis)",
    )
    parser.add_argument(
        "--cores", type=_whole, default=1, metavar="N", help="cores to run on (default: %(default)s)"
    )
    parser.add_argument(
        "--flops-per-second",
        type=_positive,
        metavar="X",
        help="speed of what it runs on, such as 4e12, a fifth of a large GPU's peak (default: that of this "
        "machine's cores, which is measured; and one that is assumed of a GPU where the run asks for any)",
    )


def _measure(name: str) -> str:
    if name in FAMILIES:
        return name
    if base(name) not in FAMILY_OF:
        raise argparse.ArgumentTypeError(unknown("measure", name, (*FAMILIES, *FAMILY_OF)))
    if wrong := mistake(name):
        raise argparse.ArgumentTypeError(wrong)
    return name


def _aggregation(name: str) -> str:
    if name not in AGGREGATIONS:
        raise argparse.ArgumentTypeError(unknown("aggregation", name, AGGREGATIONS))
    return name


def _set_name(name: str) -> str:
    if name not in NAMED:
        raise argparse.ArgumentTypeError(unknown("set of transformations", name, NAMED))
    return name


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; valid: 224, or a height and width as 240x320")
    return int(sides[0]), int(sides[-1])


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; needed: a whole number, at least 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; needed: a number above 0")
    return value
