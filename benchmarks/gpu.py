"""How fast a GPU does what the thesis needs, in a few minutes, and the hours of the thesis from that.

In this order, until the minutes are over:

- training: steps of networks of the thesis with rotations, as `Training` takes them, in each precision and
  layout. TF32 is torch's default for convolutions of float32, and channels last is the layout of the run; the
  others are for comparison;
- processes: several processes that train the small network at the same time on the same GPU;
- sweeps: of measures, against their bare forward passes;
- hours of the run, from its FLOPs and the FLOP/s found;
- compiled: training again, with torch.compile, the layout of the run first. Compiling itself takes long, and
  is part of the seconds of the first steps.

A case that fails is a row with the reason. Without a GPU, or with --small, the run is `quick` and batches are
small: that shows that the benchmark works, and nothing about speed.
"""

import argparse
import gc
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.benchmark import Timer
from tqdm import tqdm

from benchmarks.networks import CONFIG, random_images
from benchmarks.sweep import bare_forward, forward_and_inverse_warps, sweep_of
from benchmarks.training import outermost
from equivariance.datasets.sizes import Size, size_of
from equivariance.devices import choose_device, prepare_process
from equivariance.files import write_text
from equivariance.models import build
from equivariance.training.loop import Training
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import build_set
from equivariance.workflow.estimate import (
    KINDS,
    SWEEP_FACTORS,
    ImageCost,
    Sizes,
    forward_flops,
    image_flops,
    measuring_cost,
    network_costs,
)
from equivariance.workflow.loading import SECTIONS, load_config, read_yaml
from equivariance.workflow.plan import Network, Plan, shared_sweeps
from equivariance.workflow.work import LARGE_FLOPS

PARTS = ("training", "processes", "sweeps", "hours", "compiled")
LEAST_SECONDS = {"processes": 40.0, "compiled": 40.0}  # that a case takes: it does not begin with less left
PRECISIONS = ("TF32", "bfloat16", "float32")
LAYOUTS = ("channels_last", "contiguous")  # that of the run first
PROCESSES = (1, 2, 4, 8)
WAIT = 180  # seconds for the other processes to start
SMALL, LARGE = "small", "large"
BARE, BARE_AND_BACK = "forward passes", "forward passes and inverse warps"
SWEEPS = {"nv": SWEEP_FACTORS["variances"], "same_equivariance": SWEEP_FACTORS["same_equivariance"]}
"""What is swept, and its seconds in those of its forward passes as the estimate has them."""

HOUR = 3600.0

COLUMNS = [
    *("part", "network", "precision", "layout", "processes", "sweep", "images_per_s", "epoch_s", "tflops"),
    *("ratio", "first_s", "memory_mib", "gain", *KINDS, "total", "note"),
]

Row = dict[str, Any]


class Amount(NamedTuple):
    """How much is done for a number."""

    steps: int  # of training, between which the GPU is not waited for
    seconds: float  # of repetitions
    batch_size: int | None  # None is that of the recipe
    images: int  # of a sweep, each under all members of the set


FULL = Amount(steps=10, seconds=1.5, batch_size=None, images=160)
FEW = Amount(steps=2, seconds=0.05, batch_size=4, images=4)


@dataclass(frozen=True)
class Case:
    """A network as the thesis trains it."""

    title: str
    settings: TrainingSettings
    size: Size

    @property
    def flops(self) -> ImageCost:
        """FLOPs of one image."""
        return image_flops(self.settings, self.size)


class Task(NamedTuple):
    """What gives a row: its part, what it is about, and the work, which returns the rest of the row."""

    part: str
    about: Row
    work: Callable[[], Row]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="write the rows there")
    parser.add_argument("--minutes", type=float, default=8, help="no case begins after these (default: 8)")
    parser.add_argument("--small", action="store_true", help="only see that it works; always without a GPU")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--processes", nargs="+", type=int, default=PROCESSES, metavar="N")
    given = parser.parse_args(arguments)
    device = prepare()
    small = given.small or device.type == "cpu"
    raw = read_yaml(
        *(CONFIG / f"{name}.yaml" for name in ("config", *SECTIONS)),
        *([CONFIG / "quick.yaml"] if small else []),
    )
    plan = Plan(load_config(raw, CONFIG / "schemas"))
    amount = FEW if small else FULL
    found = cases(plan, raw["dataset_groups"]["standard"], amount)
    print(f"{described(device)}; run `{plan.config.run}`, at most {given.minutes:g} minutes")
    rows: list[Row] = []
    tasks = [
        *training_tasks("training", found.values(), device, amount),
        *sharing_tasks(found[SMALL], given.processes, device, amount),
        *sweep_tasks([found[SMALL], found[LARGE]], device, amount),
        Task(
            "hours", {}, lambda: {"rows": estimated_hours(rows, found, flops_by_size(plan, sizes_of(plan)))}
        ),
        *training_tasks("compiled", found.values(), device, amount),
    ]
    for row in run([task for task in tasks if task.part in given.parts], device, given.minutes, small):
        rows += row.pop("rows", [row])
        if given.csv:  # after each row: a borrowed GPU may go before the end
            write_text(given.csv, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False))
    table = pd.DataFrame(rows, columns=COLUMNS)
    for part in given.parts:
        shown = table[table["part"] == part].dropna(axis="columns", how="all").drop(columns="part")
        print(f"\n{part}\n{shown.to_string(index=False, na_rep='', float_format='{:.4g}'.format)}")
    print(f"\n{NOTES}")


NOTES = f"""\
images_per_s: of all processes together; in sweeps, of transformed images. epoch_s: extrapolated from some
steps. tflops: TFLOP/s, of convolutions and matrix products. ratio: images per second / those of one process,
and seconds of a sweep / those of its bare forward passes. memory_mib: of tensors; besides them, each process
needs some hundred MiB of the GPU.
hours: networks with {LARGE_FLOPS:g} FLOPs and more in a forward pass have the speed of the {LARGE} network,
others that of the {SMALL} one times the best ratio of processes (gain), in training as in all else. Measuring
has the speed of the slower sweep, in units of the estimate's factors. Jobs start in no time."""


def prepare() -> torch.device:
    """Set up this process as a job of the workflow, and choose the device."""
    prepare_process(1)
    warnings.filterwarnings("ignore", message=".*deterministic")  # what cannot be is no error in the workflow
    return choose_device("auto")


def described(device: torch.device) -> str:
    """Name the device and the versions that matter."""
    if device.type == "cpu":
        return f"no GPU: small sizes on a CPU; torch {torch.__version__}"
    known = torch.cuda.get_device_properties(device)
    return (
        f"{known.name}, {known.total_memory / 2**30:.0f} GiB; torch {torch.__version__}, "
        f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    )


def cases(plan: Plan, datasets: Sequence[str], amount: Amount) -> dict[str, Case]:
    """The networks that are timed, of two data sets: those of digits and of photographs."""
    digits, photographs = datasets
    chosen = {
        SMALL: Network(digits, "simple_conv", "rotation", 0),
        LARGE: Network(photographs, "simple_conv", "rotation", 0),
        "resnet": Network(photographs, "resnet18", "rotation", 0),
        "ti_pooling": Network(photographs, "ti_pooling", "rotation_16", 0),
    }
    found, sizes = {}, sizes_of(plan)
    for name, network in chosen.items():
        settings = TrainingSettings.from_mapping(plan.training_settings(network))
        title = f"{network.model}, {network.dataset}, f = {settings.settings['filters']}"
        batch_size = amount.batch_size or settings.batch_size
        found[name] = Case(title, replace(settings, batch_size=batch_size), sizes(network.dataset))
    return found


def sizes_of(plan: Plan) -> Sizes:
    """The sizes of the data sets of a plan, by name."""
    return cache(lambda name: size_of(name, plan.config.dataset_source(name), Path("results/data")))


def run(tasks: Sequence[Task], device: torch.device, minutes: float, small: bool) -> Iterator[Row]:
    """Do tasks while there is time for one that takes as long as the longest of its part."""
    end = time.monotonic() + 60 * minutes
    longest = dict.fromkeys(PARTS, 0.0) | ({} if small else LEAST_SECONDS)
    bar = tqdm(tasks, unit="case")
    for part, about, work in bar:
        bar.set_description(" ".join([part, *map(str, about.values())]))
        start = time.monotonic()
        if end - start <= longest[part]:
            yield {"part": part, **about, "note": "left out: no time left"}
            continue
        yield {"part": part, **about, **attempt(work, device)}
        longest[part] = max(longest[part], time.monotonic() - start)


def attempt(work: Callable[[], Row], device: torch.device) -> Row:
    """Do the work; an error becomes a note. What it leaves on the GPU is freed."""
    on_gpu = device.type == "cuda"
    try:
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
        row = work()
    except Exception as error:  # too little memory, no C compiler, or anything else: the next case may go
        row = {"note": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    gc.collect()
    if on_gpu:
        with suppress(RuntimeError):  # the GPU may have stopped with that error; then each case will say so
            torch.cuda.empty_cache()
    return row


def memory(device: torch.device) -> Row:
    """The most that tensors took on a GPU since the case began."""
    return {"memory_mib": torch.cuda.max_memory_allocated(device) / 2**20} if device.type == "cuda" else {}


def training_tasks(part: str, found: Iterable[Case], device: torch.device, amount: Amount) -> Iterator[Task]:
    """A task for each network in each form, the form of the run first."""
    for layout, precision, case in product(LAYOUTS, PRECISIONS, found):
        about = {"network": case.title, "precision": precision, "layout": layout}
        compiled = part == "compiled"
        yield Task(part, about, partial(time_training, case, precision, layout, compiled, device, amount))


def time_training(
    case: Case, precision: str, layout: str, compiled: bool, device: torch.device, amount: Amount
) -> Row:
    """Time training steps of a network in one form."""
    if precision == "TF32" and not has_tf32(device):
        return {"note": "only GPUs from compute capability 8.0 on have TF32"}
    with tf32(precision == "TF32"):
        training = set_up(case, device, amount, precision)
        if layout == "contiguous":
            for parameter in training.model.parameters():
                parameter.data = outermost(parameter.data)
        if compiled:
            torch.compiler.reset()
            training.model.compile()
        steps = partial(take_steps, training, outermost if layout == "contiguous" else None)
        start = time.perf_counter()
        steps()
        wait_for(device)
        first = time.perf_counter() - start
        per_image = seconds_of(steps, amount) / len(training.train)
    return {
        "images_per_s": 1 / per_image,
        "epoch_s": per_image * min(case.size.train, case.settings.images or case.size.train),
        "tflops": case.flops.step / per_image / 1e12,
        "first_s": first,
        **memory(device),
    }


def set_up(case: Case, device: torch.device, amount: Amount, precision: str) -> Training:
    """A training of as many images as some steps have, in training mode."""
    settings = replace(
        case.settings, images=None, precision="bfloat16" if precision == "bfloat16" else "float32"
    )
    training = Training(settings, random_images(case.size, amount.steps * settings.batch_size), device)
    training.model.train()
    return training


def take_steps(training: Training, change: Callable[[Tensor], Tensor] | None = None) -> None:
    """Take the steps of an epoch, without waiting for the GPU, as training does."""
    for images, labels, members in training.batches():
        training.step(change(images) if change else images, labels, members)


def seconds_of(run: Callable[[], Any], amount: Amount) -> float:
    """Seconds of a call, the median of several, after warming up; with the GPU's time."""
    return float(Timer("run()", globals={"run": run}).blocked_autorange(min_run_time=amount.seconds).median)


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def has_tf32(device: torch.device) -> bool:
    """Whether convolutions can be computed in TF32."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in convolutions. It is torch's default there; in other products it never is."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def of_the_run(device: torch.device) -> str:
    """The precision that a run with `precision: float32` has on a device."""
    return "TF32" if has_tf32(device) else "float32"


def sharing_tasks(case: Case, counts: Iterable[int], device: torch.device, amount: Amount) -> Iterator[Task]:
    """Train a network in several processes at once; they are compared with one process."""
    alone: list[float] = []
    for count in counts:
        about = {"network": case.title, "precision": of_the_run(device), "processes": count}
        yield Task("processes", about, partial(time_sharing, case, count, alone, amount))


def time_sharing(case: Case, count: int, alone: list[float], amount: Amount) -> Row:
    """Time processes that begin together when the last is ready; `alone` keeps the speed of a single one."""
    context = multiprocessing.get_context("spawn")  # a process that is forked cannot use the GPU
    begin = context.Barrier(count)
    with ProcessPoolExecutor(count, context, initializer=keep_barrier, initargs=(begin,)) as pool:
        futures = [pool.submit(train_beside, case, amount) for _ in range(count)]
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error  # the first that tells more than that another process ended
    speed = sum(future.result() for future in futures)
    if count == 1:
        alone.append(speed)
    return {
        "images_per_s": speed,
        "tflops": speed * case.flops.step / 1e12,
        "ratio": speed / alone[-1] if alone else None,
    }


BEGIN: Any = None
"""The barrier of a process of `time_sharing`."""


def keep_barrier(barrier: Any) -> None:
    """Start of a process: barriers are passed on to a process only when it starts."""
    global BEGIN
    BEGIN = barrier


def train_beside(case: Case, amount: Amount) -> float:
    """Train in one of several processes: images per second."""
    try:
        device = prepare()
        training = set_up(case, device, amount, "float32")
        take_steps(training)
        wait_for(device)
        BEGIN.wait(WAIT)
    except BaseException:
        BEGIN.abort()  # so that the others do not wait
        raise
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < 3 * amount.seconds:
        take_steps(training)
        wait_for(device)
        images += len(training.train)
    return images / (time.perf_counter() - start)


def sweep_tasks(found: Iterable[Case], device: torch.device, amount: Amount) -> Iterator[Task]:
    """Sweep over networks, and run their forward passes alone; each is compared with the last of these."""
    for case in found:
        bare: list[float] = []
        for name in (BARE, BARE_AND_BACK, *SWEEPS):
            about = {"network": case.title, "precision": of_the_run(device), "sweep": name}
            yield Task("sweeps", about, partial(time_sweep, case, name, bare, device, amount))


def time_sweep(case: Case, name: str, bare: list[float], device: torch.device, amount: Amount) -> Row:
    """Time what a sweep does for some images; `bare` keeps the seconds of its forward passes."""
    torch.manual_seed(0)
    model = build(case.settings.family, case.size.shape, case.size.classes, dict(case.settings.settings))
    model.to(device, memory_format=torch.channels_last).eval()  # as jobs measure
    images = torch.from_numpy(random_images(case.size, amount.images).images[: amount.images])
    rotations = build_set(case.settings.trained_with, case.settings.transformations)
    if name in SWEEPS:
        sweep = sweep_of(name, model, images, rotations)
        work = partial(sweep.update, images)
    else:
        work = partial(bare_forward if name == BARE else forward_and_inverse_warps, model, images)
        work = partial(work, rotations)
    work()  # kernels are chosen, and layers inspected
    seconds = seconds_of(work, amount)
    if name == BARE:
        bare.append(seconds)
    inputs = amount.images * len(rotations)
    return {
        "images_per_s": inputs / seconds,
        "tflops": case.flops.forward * inputs / seconds / 1e12,
        "ratio": seconds / bare[-1] if bare else None,
        **memory(device),
    }


def flops_by_size(plan: Plan, sizes: Sizes) -> pd.DataFrame:
    """FLOPs of a run: a row for small and one for large networks, a column for each of `KINDS`."""

    def size_name(network: Network) -> str:
        return LARGE if forward_flops(plan, network, sizes) >= LARGE_FLOPS else SMALL

    rows: list[Row] = [
        {"size": size_name(network), **network_costs(plan, network, sizes, image_flops)}
        for network in plan.networks()
    ]
    for sweep in shared_sweeps(plan.measurements()):
        measuring = measuring_cost(plan, sweep, sizes, image_flops)
        rows.append({"size": size_name(sweep[0].network), "measuring": measuring})
    table = pd.DataFrame(rows, columns=["size", *KINDS]).groupby("size").sum()
    return table.reindex([SMALL, LARGE], fill_value=0.0)


def estimated_hours(rows: Sequence[Row], found: Mapping[str, Case], flops: pd.DataFrame) -> list[Row]:
    """Hours of a run from the rows of the other parts: a row for each precision of training."""
    measured = pd.DataFrame(rows, columns=COLUMNS)
    parts = {part: measured[measured["part"] == part] for part in ("training", "processes", "sweeps")}
    trained = parts["training"][parts["training"]["layout"] == LAYOUTS[0]]
    training = trained.set_index(["precision", "network"])["tflops"]
    sweeps = parts["sweeps"].set_index(["sweep", "network"])["tflops"]
    best = parts["processes"]["ratio"].max()
    gain = 1.0 if pd.isna(best) else best
    titles = [found[name].title for name in (SMALL, LARGE)]
    evaluation = of_networks(sweeps, BARE, titles)
    measuring = [factor * of_networks(sweeps, name, titles) for name, factor in SWEEPS.items()]
    result: list[Row] = []
    for precision in PRECISIONS:
        tflops = {
            "training": of_networks(training, precision, titles),
            "evaluation": evaluation,
            "measuring": np.minimum(*measuring),
        }
        speeds = 1e12 * pd.DataFrame(tflops, index=[SMALL, LARGE])
        hours = flops / speeds.mul([gain, 1.0], axis="index") / HOUR
        sums = hours.where(flops > 0, 0.0).sum(skipna=False)  # nothing to do needs no speed
        row = {"part": "hours", "precision": precision, "gain": gain, **sums, "total": sums.sum(skipna=False)}
        result.append({**row, "note": "some speeds are missing"} if pd.isna(row["total"]) else row)
    return result


def of_networks(tflops: pd.Series, form: str, titles: Iterable[str]) -> np.ndarray:
    """TFLOP/s of networks in one form, NaN where there are none."""
    return np.array([tflops.get((form, title), np.nan) for title in titles], dtype=float)


if __name__ == "__main__":
    main()
