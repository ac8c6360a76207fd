"""Several reports of one sweep: the table of each is, to the last bit, what it is by itself."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from equivariance.errors import UserError
from equivariance.measures import measuring, planning
from equivariance.measures.measuring import Report, measure, measure_several
from equivariance.measures.planning import Group, Share, shares
from equivariance.measures.sweep import Sweep
from equivariance.transformations.sets import build_set

ROTATIONS = build_set("rotation", {"rotations": {"count": 3}})
COUNT = 23
IMAGES = torch.rand(COUNT, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = np.random.default_rng(0).integers(0, 2, COUNT)
MEASURES = (
    *("tv", "sv", "nv", "anova", "nd@4", "nd_keep@3", "goodfellow_normal@0.8"),
    *("goodfellow_percentile_original@0.7", "nvse", "ndse_keep@4", "dses"),
)
FAMILIES = (("nv", "nd@4", "goodfellow_normal@0.8"), ("nvse", "dses_normalize"))
SAMPLES = (5, 12, COUNT)

REPORTS = st.lists(
    st.builds(
        Report,
        st.lists(st.sampled_from(MEASURES), min_size=1, max_size=4, unique=True).map(tuple),
        st.sampled_from([("before_mean",), ("none", "after_max")]),
        st.one_of(st.none(), st.integers(4, COUNT)),
    ),
    min_size=1,
    max_size=4,
)


class Counted(nn.Module):
    """A network that counts its inputs, and dies after some."""

    def __init__(self, die_after: float = float("inf")) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.fc = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(3 * 6 * 6, 4)
        self.seen, self.die_after = 0, die_after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        if self.seen > self.die_after:
            raise KeyboardInterrupt
        return self.fc(self.norm(self.conv(x)).tanh().flatten(1))


def several(reports: Sequence[Report], model: nn.Module | None = None, **changes: Any) -> list[pd.DataFrame]:
    given = {"tile": 4, "shuffled": False, "floor": True, "memory": float("inf")}
    return measure_several(model or Counted(), IMAGES, ROTATIONS, reports, **given | changes)


def alone(report: Report, labels: np.ndarray | None = None, **changes: Any) -> pd.DataFrame:
    """The table of a report by `measure`, on its own images."""
    given = {"tile": 4, "shuffled": False, "floor": True, "memory": float("inf")}
    count = report.samples or COUNT
    return measure(
        Counted(),
        IMAGES[:count],
        ROTATIONS,
        report.measures,
        aggregations=report.aggregations,
        labels=None if labels is None else labels[:count],
        **given | changes,
    )


def assert_same_bytes(ours: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert ours.drop(columns="value").equals(expected.drop(columns="value"))
    assert ours["value"].to_numpy().tobytes() == expected["value"].to_numpy().tobytes()
    assert ours.attrs == expected.attrs


@settings(max_examples=40, deadline=None)
@given(reports=REPORTS, tile=st.integers(1, 9))
def test_a_report_is_what_it_is_by_itself(reports: list[Report], tile: int) -> None:
    for table, report in zip(several(reports, tile=tile), reports, strict=True):
        assert_same_bytes(table, alone(report, tile=tile))


@settings(max_examples=15, deadline=None)
@given(reports=REPORTS, memory=st.sampled_from([1, 5_000, 20_000, 60_000, 200_000]))
def test_a_report_is_what_it_is_by_itself_in_any_memory(reports: list[Report], memory: int) -> None:
    for table, report in zip(several(reports, memory=memory), reports, strict=True):
        assert_same_bytes(table, alone(report, memory=memory))


@pytest.mark.parametrize("memory", [float("inf"), 5_000])
def test_reports_by_class_are_what_they_are_by_themselves(memory: float) -> None:
    reports = [Report(family, samples=count) for family in FAMILIES for count in (12, 16, COUNT)]
    tables = several(reports, labels=LABELS, memory=memory)
    for table, report in zip(tables, reports, strict=True):
        assert_same_bytes(table, alone(report, LABELS, memory=memory))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("opened", [1, 2])
def test_reports_in_two_passes_are_what_they_are_by_themselves(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, opened: int
) -> None:
    def in_two_passes(sweep: Sweep, samples: int, memory: float) -> list[Group]:
        return [Group(tuple(sweep.places), opened)]

    monkeypatch.setattr(planning, "groups", in_two_passes)
    reports = [Report(("nv", "nd@4", "anova", "nvse"), samples=count) for count in (6, 13, COUNT)]
    model = Counted()
    tables = several(reports, model, dtype=dtype, floor=False)
    apart = Counted()
    several(reports[-1:], apart, dtype=dtype, floor=False)
    assert model.seen < 1.5 * apart.seen  # the passes of the largest, and the ends of tiles
    for table, report in zip(tables, reports, strict=True):
        assert_same_bytes(table, alone(report, dtype=dtype, floor=False))


def test_in_a_random_order_a_report_does_not_depend_on_the_others() -> None:
    reports = [Report(family, samples=count) for family in FAMILIES for count in SAMPLES]
    for table, report in zip(several(reports, shuffled=True), reports, strict=True):
        assert_same_bytes(table, several([report], shuffled=True)[0])


def test_the_network_sees_the_images_of_the_largest_report_once() -> None:
    """And again the last images of a smaller one, where they are not a whole tile."""
    looks = Counted()
    Sweep(looks, ROTATIONS, ["nv"], tile=4).inspect(IMAGES)
    model = Counted()
    reports = [Report(family, samples=count) for family in (["nv"], ["nvse"]) for count in (8, 14, COUNT)]
    several(reports, model, floor=False)
    assert model.seen - looks.seen == (COUNT + 14 % 4) * len(ROTATIONS)


@pytest.mark.parametrize("opened", [0, 2])
@pytest.mark.parametrize("die_after", [40, 60, 80, 100, 120])
def test_a_killed_sweep_of_several_reports_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die_after: int, opened: int
) -> None:
    if opened:
        monkeypatch.setattr(
            planning, "groups", lambda sweep, samples, memory: [Group(tuple(sweep.places), opened)]
        )
    monkeypatch.setattr(measuring, "SAVE_EVERY", -1)
    reports = [Report(family, samples=count) for family in FAMILIES for count in SAMPLES]
    whole = Counted()
    expected = several(reports, whole)
    tables, total = None, 0
    while tables is None:
        model = Counted(die_after)
        try:
            tables = several(reports, model, checkpoint=tmp_path / "checkpoint")
        except KeyboardInterrupt:
            die_after += 24
        total += model.seen
    assert total > whole.seen
    assert not list(tmp_path.iterdir())
    for ours, theirs in zip(tables, expected, strict=True):
        assert_same_bytes(ours, theirs)


def test_a_checkpoint_of_other_reports_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SAVE_EVERY", -1)
    with pytest.raises(KeyboardInterrupt):
        several([Report("nv", samples=12), Report("nv")], Counted(60), checkpoint=tmp_path / "checkpoint")
    with pytest.raises(UserError, match="belongs to a run with other settings"):
        several([Report("nv", samples=13), Report("nv")], checkpoint=tmp_path / "checkpoint")


@pytest.mark.parametrize("samples", [0, -1, COUNT + 1])
def test_a_number_of_samples_that_there_is_not_is_an_error(samples: int) -> None:
    with pytest.raises(UserError, match=f"{samples} samples of {COUNT} images; valid: from 1 to all of them"):
        several([Report("nv", samples=samples)])


class Sometimes(nn.Module):
    """A network of which a layer runs only for the first passes."""

    def __init__(self, passes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.passes = passes
        self.first, self.second = nn.Linear(64, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x.flatten(1))
        self.passes -= 1
        return self.second(hidden) if self.passes >= 0 else hidden[:, :2]


def test_a_layer_is_left_out_of_the_reports_for_whose_images_it_did_not_run() -> None:
    looks, tiles = 3, 2
    reports = [Report("nv", samples=8), Report("nv")]
    few, every = several(reports, Sometimes(looks + tiles), floor=False)
    assert set(few["layer"]) == {"first", "second"}
    assert set(every["layer"]) == {"first"}
    assert every.attrs["left_out"] == {"second": "ran for 24 of 69 transformed images"}


def fake(sizes: list[int], tile: int = 4) -> SimpleNamespace:
    """A sweep whose layers take `size * (1 + members)` bytes, of which others take over nothing."""
    layers = {f"layer{index}": size for index, size in enumerate(sizes)}
    return SimpleNamespace(
        places=layers,
        matrices=range(3),
        needs_rows=True,
        needs_columns=True,
        device=SimpleNamespace(type="cpu"),
        state_bytes=lambda call, members, samples: layers[call] * (1 + members),
        images_at_once=lambda count: tile,
        part=lambda calls: fake(sizes, tile),
        follow=lambda later: None,
    )


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    samples=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    memory=st.integers(1, 600),
)
@settings(max_examples=200, deadline=None)
def test_sharing_never_costs_more_passes_than_it_saves(
    sizes: list[int], samples: list[int], memory: int
) -> None:
    sweeps, counts = [fake(sizes) for _ in samples], [[count] for count in samples]
    found = shares(sweeps, counts, memory)
    assert sorted(report for share in found for report in share.reports) == [*range(len(samples))]
    apart = [
        Share((number,), tuple(planning.groups(sweep, count, memory)))
        for number, (sweep, count) in enumerate(zip(sweeps, samples, strict=True))
    ]
    cost = sum(share.images(sweeps, counts) for share in found)
    assert cost <= sum(share.images(sweeps, counts) for share in apart)
    for share in found:
        assert [*share.reports] == sorted(share.reports, key=lambda report: samples[report])
        for group in share.groups:
            assert group.members == apart[share.reports[0]].groups[0].members, "one pass or two, as alone"
            used = sum(sizes[int(call.removeprefix("layer"))] for call in group.layers)
            size = len(share.reports) * used * (1 + (group.members or 3))
            assert size <= memory or len(share.reports) == 1
