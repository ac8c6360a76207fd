"""The options of the command line and their help: standard library only."""

import argparse
from pathlib import Path
from typing import NoReturn

from equivariance.cli.texts import DESCRIPTION, EXAMPLE, LAYERS, LIST, PICTURES, PLAN
from equivariance.errors import UserError, unknown
from equivariance.measures.names import AGGREGATIONS, FAMILIES, FAMILY_OF, LAYOUTS, base, mistake
from equivariance.transformations.named import NAMED
from equivariance.transformations.parameters import set_size

LARGEST_SIDE = 10_000  # pixels


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows all options")


def parser() -> argparse.ArgumentParser:
    """Make the parser of `python -m equivariance`."""
    top = _Parser(
        prog="python -m equivariance",
        description="Invariance and same-equivariance of neural networks.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="measure|layers|plan")

    def command(name: str, summary: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    measure = command(
        "measure",
        "measure the layers of a network on a folder of images",
        DESCRIPTION,
        LAYERS + PICTURES + EXAMPLE,
    )
    _add_network(measure)
    _add_images(measure)
    _add_layers(measure)
    _add_measures(measure)
    _add_running(measure)
    layers = command("layers", "list the layers of a network", LIST, LAYERS)
    _add_network(layers)
    _add_layers(layers)
    _add_device(layers)
    _add_plan(
        command("plan", "tell the jobs and the estimated hours of a run of the workflow before it runs", PLAN)
    )
    return top


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="FILE.pt2, a network saved by torch.export, best for any number of images; or "
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
        "--size",
        type=_size,
        metavar="N|HxW",
        help="resize all images to this height and width in pixels (default: the size that the "
        "network is fixed to, else that of the images)",
    )
    group.add_argument("--seed", type=_seed, default=0, metavar="N", help=(
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


def _add_images(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("images")
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
        "--samples", type=_whole, metavar="N", help="number of images, chosen at random (default: all)"
    )


def _add_layers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("layers")
    group.add_argument(
        "--layers",
        nargs="+",
        metavar="NAME",
        help="names of modules, or patterns such as 'layer1.*' (default: all layers, see below)",
    )
    group.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names or patterns of what is left out; a name stands for all that is in that module, too",
    )
    group.add_argument(
        "--maps",
        nargs="+",
        type=_layout,
        default=[],
        metavar="NAME=LAYOUT",
        help="how the outputs of layers, by name or pattern, are laid out, where that is not found out by "
        f"itself: {' '.join(LAYOUTS)}",
    )
    group.add_argument(
        "--outputs",
        nargs="+",
        type=_pair,
        default=[],
        metavar="NAME=KEY",
        help="which of several outputs of layers, by name or pattern, counts: a number, a key or the name of "
        "an attribute (default: the first that has a row for each image)",
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
    families = "; ".join(f"{family} stands for {' '.join(members)}" for family, members in FAMILIES.items())
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
    _add_device(group)
    group.add_argument(
        "--autocast", action="store_true", help="run the network in bfloat16 where that is safe: faster"
    )
    group.add_argument(
        "--memory",
        type=_positive,
        metavar="GiB",
        help="memory for the state of the measures, in GiB (default: half of what is free); where one pass "
        "over the images needs more, there are two, or layers are measured in groups",
    )


def _add_device(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is a GPU if there is one (default: %(default)s)",
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


def _pair(text: str, what: str = "KEY") -> tuple[str, str]:
    name, _, value = text.rpartition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; needed: NAME={what}")
    return name, value


def _layout(text: str) -> tuple[str, str]:
    name, layout = _pair(text, "LAYOUT")
    if layout not in LAYOUTS:
        raise argparse.ArgumentTypeError(unknown("layout", layout, LAYOUTS))
    return name, layout


def _set_name(name: str) -> str:
    if name not in NAMED:
        raise argparse.ArgumentTypeError(unknown("set of transformations", name, NAMED))
    return name


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; valid: 224, or a height and width as 240x320")
    if max(map(int, sides)) > LARGEST_SIDE:
        raise argparse.ArgumentTypeError(f"{text!r} is too large; valid: up to {LARGEST_SIDE} pixels")
    return int(sides[0]), int(sides[-1])


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; needed: a whole number from 0, below 2**63")
    return int(text)


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
