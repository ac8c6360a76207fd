"""The options of the command line and their help: standard library only."""

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn

from equivariance.cli.texts import (
    ARCHIVE,
    CLAIMS,
    COMPARE,
    DESCRIPTION,
    EXAMPLE,
    LAYERS,
    LIST,
    PICTURES,
    PLAN,
    REFERENCE,
    VERIFY,
)
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
        description="Measure the invariance and same-equivariance of neural networks.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

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
    _add_plan(command("plan", "list the jobs and the estimated hours of a run of the workflow", PLAN))
    _add_claims(command("claims", "print the verdicts on the claims of a run of the workflow", CLAIMS))
    _add_archive(command("archive", "write a finished run of the workflow as one file", ARCHIVE))
    _add_verify(command("verify", "compare results with their checksums", VERIFY))
    _add_run(command("reference", "keep a finished run in docs/reference", REFERENCE))
    _add_run(command("compare", "compare a finished run with the reference", COMPARE))
    return top


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="FILE.pt2, a network saved by torch.export, best for any number of images; "
        "MODULE:FUNCTION or FILE.py:FUNCTION, a Python function that returns a network; "
        "torchvision:NAME or timm:NAME, a network of these collections with random weights; or "
        "torchvision:NAME:WEIGHTS or timm:NAME:WEIGHTS, with pre-trained weights, which are downloaded, "
        "such as torchvision:resnet18:DEFAULT",
    )
    group.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="weights of the network, unless it is a FILE.pt2: .safetensors, or .pth (.pt, .bin, .ckpt, "
        ".tar) as written by torch.save(model.state_dict(), FILE); only tensors are read, never code",
    )
    group.add_argument(
        "--size",
        type=_size,
        metavar="N|HxW",
        help="resize all images to this height and width in pixels (default: the size that the "
        "network requires, else that of the images)",
    )
    group.add_argument("--seed", type=_seed, default=0, metavar="N", help=(
        "seed of the choice of images, and of random weights (default: %(default)s)"
    ))  # fmt: skip
    for name, text, default in (
        ("mean", "subtract this from each channel, of pixels from 0 to 1", "0"),
        ("std", "then divide by this", "1"),
    ):
        group.add_argument(
            f"--{name}",
            nargs="+",
            type=float,
            metavar=("R", "G B"),
            help=f"{text}: a number for each (default: that of the pre-trained weights, else {default})",
        )


def _add_images(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("images")
    group.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="folder of images, or of a folder for each class; pixels from 0 to 255 become 0 to 1",
    )
    group.add_argument(
        "--skip-damaged",
        action="store_true",
        help="leave out images that cannot be read, and list them (default: they are an error)",
    )
    group.add_argument(
        "--samples",
        type=_positive_integer,
        metavar="N",
        help="number of images, chosen at random (default: all)",
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
        help="names or patterns of modules to leave out; a name includes all of its submodules",
    )
    group.add_argument(
        "--maps",
        nargs="+",
        type=_layout,
        default=[],
        metavar="NAME=LAYOUT",
        help="layout of the outputs of layers, by name or pattern, where it is not detected: "
        f"{' '.join(LAYOUTS)}",
    )
    group.add_argument(
        "--outputs",
        nargs="+",
        type=_pair,
        default=[],
        metavar="NAME=KEY",
        help="which of several outputs of layers, by name or pattern, to measure: an index, a key or an "
        "attribute (default: the first that has a row for each image)",
    )


def _add_measures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to measure")
    sizes = ", ".join(f"{name} ({set_size(spec)})" for name, spec in NAMED.items())
    group.add_argument(
        "--transformations",
        required=True,
        type=_name("set of transformations", NAMED),
        metavar="SET",
        help=f"set and its number of members: {sizes}; rotations cover a full turn, scales are factors "
        "from 0.5 to 1.25, translations go up to 15%% of the longer side",
    )
    group.add_argument(
        "--count",
        type=_positive_integer,
        metavar="N",
        help="number of members of the set, instead of the number above",
    )
    families = "; ".join(f"{family} stands for {' '.join(members)}" for family, members in FAMILIES.items())
    group.add_argument(
        "--measures",
        nargs="+",
        type=_measure,
        default=["nv"],
        metavar="NAME",
        help=f"measures or families (default: nv, the normalized variance): {families}",
    )
    group.add_argument(
        "--aggregations",
        nargs="+",
        type=_name("aggregation", AGGREGATIONS),
        default=["before_mean"],
        metavar="NAME",
        help="how the pixels of a feature map become one value (default: before_mean, mean, then ratio): "
        + " ".join(AGGREGATIONS),
    )
    group.add_argument(
        "--stratified", action="store_true", help="measure within each class, then average over classes"
    )
    group.add_argument(
        "--padding",
        choices=("border", "zeros"),
        default="border",
        help="what lies beyond the border of an image: its nearest pixel, or zeros (default: %(default)s)",
    )
    group.add_argument(
        "--mask",
        action="store_true",
        help="same-equivariance: leave out the pixels that a transformation moves out of the feature map",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results and resources")
    group.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="folder for the results")
    group.add_argument(
        "--format",
        choices=("auto", "csv", "parquet"),
        default="auto",
        help="format of the table of units; auto is csv up to a million rows, else parquet "
        "(default: %(default)s)",
    )
    _add_device(group)
    group.add_argument(
        "--autocast",
        action="store_true",
        help="run the network in bfloat16 where that is safe, which is faster",
    )
    group.add_argument(
        "--memory",
        type=_positive,
        metavar="GiB",
        help="memory for the state of the measures, in GiB (default: half of the free memory); if one pass "
        "over the images needs more, there are two passes, or layers are measured in groups",
    )


def _add_device(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is a GPU if there is one (default: %(default)s)",
    )


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _add_config(
        parser, "YAML that overrides config/config.yaml, as for snakemake --configfile (default: the thesis)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="EXPERIMENT",
        help="plan only these experiments, named as in config/experiments.yaml; "
        "`snakemake --config 'only=[NAME, NAME]'` runs them (default: all)",
    )
    parser.add_argument(
        "--by",
        choices=("model", "experiment"),
        default="model",
        help="what FLOPs are listed by; experiment shows what leaving one out saves (default: %(default)s)",
    )
    parser.add_argument(
        "--cores",
        type=_positive_integer,
        default=1,
        metavar="N",
        help="cores to run on (default: %(default)s)",
    )
    parser.add_argument(
        "--flops-per-second",
        type=_positive,
        metavar="X",
        help="speed of the hardware, such as 1e13 (default: the speed of this machine's GPU, measured in "
        "seconds; without one, of its cores, and an assumed range for a GPU if the run asks for one)",
    )


def _add_claims(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    _add_config(parser, "YAML with claims of your own, as for snakemake --configfile")


def _add_archive(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE.zip", help="the archive (default: results/RUN.zip)"
    )
    parser.add_argument("--weights", action="store_true", help="add the weights of the networks")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="an archive, the folder that it was unpacked to, or the folder of a run, such as results/quick",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", required=True, metavar="RUN", help="name of the run, such as thesis or quick"
    )


def _add_config(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--config", nargs="+", type=Path, default=[], metavar="FILE", help=text)


def _name(kind: str, valid: Collection[str]) -> Callable[[str], str]:
    """Make the type of an option that is one of these names."""

    def read(name: str) -> str:
        if name not in valid:
            raise ArgumentTypeError(unknown(kind, name, valid))
        return name

    return read


def _measure(name: str) -> str:
    if name in FAMILIES:
        return name
    _name("measure", (*FAMILIES, *FAMILY_OF))(base(name))
    if wrong := mistake(name):
        raise ArgumentTypeError(wrong)
    return name


def _pair(text: str, what: str = "KEY") -> tuple[str, str]:
    name, _, value = text.rpartition("=")
    if not name or not value:
        raise ArgumentTypeError(f"{text!r} is not valid; needed: NAME={what}")
    return name, value


def _layout(text: str) -> tuple[str, str]:
    name, layout = _pair(text, "LAYOUT")
    return name, _name("layout", LAYOUTS)(layout)


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise ArgumentTypeError(f"{text!r} is not a size; valid: 224, or a height and width such as 240x320")
    if max(map(int, sides)) > LARGEST_SIDE:
        raise ArgumentTypeError(f"{text!r} is too large; valid: up to {LARGEST_SIDE} pixels")
    return int(sides[0]), int(sides[-1])


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise ArgumentTypeError(f"{text!r} is not valid; needed: an integer from 0 to 2**63 - 1")
    return int(text)


def _positive_integer(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not valid; needed: an integer of at least 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ArgumentTypeError(f"{text!r} is not valid; needed: a number above 0")
    return value
