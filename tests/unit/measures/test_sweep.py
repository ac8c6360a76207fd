"""The sweep: the values of stored activations, one forward per input, nothing left behind."""

import io
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.aggregation import divide
from equivariance.measures.measuring import measure
from equivariance.measures.recorder import record
from equivariance.measures.sweep import Sweep
from equivariance.transformations.warp import warp

VARIANCE = ("tv", "sv", "nv")


@dataclass
class Matrices:
    matrices: Tensor


def rotations(count: int) -> Matrices:
    matrices = torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)
    for index in range(count):
        c, s = math.cos(2 * math.pi * index / count), math.sin(2 * math.pi * index / count)
        matrices[index, :2, :2] = torch.tensor([[c, s], [-s, c]])
    return Matrices(matrices)


def network(seed: int = 0, inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.ReLU(inplace=inplace),
        nn.Linear(3 * 6 * 5, 4),
        nn.LogSoftmax(dim=1),
    )


def images(count: int = 9) -> Tensor:
    return torch.rand(count, 1, 12, 10, generator=torch.Generator().manual_seed(1))


def brute_force(model: nn.Module, x: Tensor, transformations: Matrices) -> dict[str, tuple[Tensor, Tensor]]:
    """TV and SV per unit, from stored activations of one forward per transformation."""
    columns = []
    with torch.no_grad():
        for matrix in transformations.matrices:
            with record(model.eval()) as activations:
                model(warp(x, matrix[None]))
            columns.append(activations)
    stored = {name: torch.stack([c[name] for c in columns], dim=1).double() for name in columns[0]}
    return {name: (a.std(dim=1).mean(dim=0), a.std(dim=0).mean(dim=0)) for name, a in stored.items()}


def assert_equal_tables(ours, expected, relative: float = 1e-5) -> None:
    assert ours.drop(columns="value").equals(expected.drop(columns="value"))
    np.testing.assert_allclose(ours["value"], expected["value"], rtol=relative, atol=1e-9)


def test_a_sweep_equals_the_measures_of_stored_activations():
    model, x, transformations = network(), images(), rotations(5)
    sweep = Sweep(model, transformations, VARIANCE, aggregations=["none", "before_mean"])
    sweep.update(x)
    for name, (tv, sv) in brute_force(model, x, transformations).items():
        found = sweep.compute()[name]
        torch.testing.assert_close(found["tv", "none"], tv, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(found["sv", "none"], sv, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(found["nv", "none"], divide(tv, sv), rtol=1e-4, atol=1e-7)
        pooled = [x.mean((1, 2)) if x.dim() == 3 else x for x in (tv, sv)]
        torch.testing.assert_close(found["nv", "before_mean"], divide(*pooled), rtol=1e-5, atol=1e-7)


def test_the_table_has_a_row_per_layer_unit_measure_and_aggregation():
    table = measure(network(), images(), rotations(4), VARIANCE, aggregations=["before_mean", "none"])
    assert list(table) == [
        "layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value",
    ]  # fmt: skip
    rows = table.groupby(["layer", "measure", "aggregation"]).size()
    assert set(table["measure"]) == {"tv", "sv", "nv"}
    assert rows["0", "nv", "before_mean"] == 3
    assert rows["0", "tv", "none"] == 3 * 12 * 10
    assert rows["5", "nv", "before_mean"] == rows["5", "nv", "none"] == 4
    layers = table.drop_duplicates("layer")
    assert list(layers["kind"]) == ["conv", "activation", "pool", "reshape", "activation", "linear", "output"]
    assert list(layers["layer_index"]) == list(range(7))
    np.testing.assert_allclose(layers["depth"], np.arange(7) / 6)


def test_aggregating_before_division_divides_the_means():
    table = measure(network(), images(), rotations(4), VARIANCE).set_index(["layer", "unit", "measure"])[
        "value"
    ]
    for unit in range(3):
        assert table["0", unit, "nv"] == pytest.approx(table["0", unit, "tv"] / table["0", unit, "sv"])


def test_every_transformed_image_goes_through_the_network_once():
    model, transformations = network(), rotations(5)
    seen: Counter[bytes] = Counter()
    model.register_forward_pre_hook(lambda _, inputs: seen.update(x.numpy().tobytes() for x in inputs[0]))
    x = images()
    sweep = Sweep(model, transformations, VARIANCE, tile=2)
    sweep.inspect(x)
    seen.clear()
    sweep.update(x)
    expected = warp(x.repeat_interleave(5, 0), transformations.matrices.repeat(9, 1, 1))
    assert sum(seen.values()) == 9 * 5
    assert seen == Counter(image.numpy().tobytes() for image in expected)


@pytest.mark.parametrize("tile", [1, 2, 4, 100])
def test_the_size_of_a_tile_does_not_matter(tile):
    model, x, transformations = network(), images(), rotations(4)
    assert_equal_tables(
        measure(model, x, transformations, VARIANCE, tile=tile),
        measure(model, x, transformations, VARIANCE, tile=3),
    )


def test_sweeps_over_parts_of_the_samples_merge():
    model, x, transformations = network(), images(), rotations(4)
    parts = [Sweep(model, transformations, VARIANCE) for _ in range(4)]  # the last has seen nothing
    for part, cut in zip(parts, (x[:2], x[2:8], x[8:]), strict=False):
        part.update(cut)
    parts[3].merge(parts[1])
    parts[0].merge(parts[3])
    parts[0].merge(parts[2])
    parts[0].merge(Sweep(model, transformations, VARIANCE))
    assert_equal_tables(parts[0].table(), measure(model, x, transformations, VARIANCE))


@pytest.mark.parametrize(
    "changes",
    [
        {"transformations": rotations(3)},
        {"measures": ["nv"]},
        {"aggregations": ["none"]},
        {"layers": ["0"]},
        {"padding": "zeros"},
        {"mask": True},
        {"dtype": torch.float64},
        {"autocast": torch.bfloat16},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_sweeps_that_differ_do_not_merge(changes):
    model, x = network(), images(2)
    ours, same, other = (
        Sweep(**{"model": model, "transformations": rotations(4), "measures": VARIANCE} | given)
        for given in ({}, {}, changes)
    )
    for sweep in (ours, same, other):
        sweep.update(x)
    ours.merge(same)
    with pytest.raises(ValueError, match="different measures, transformations or layers"):
        ours.merge(other)


def test_a_state_goes_on_in_another_sweep():
    model, x, transformations = network(), images(), rotations(4)
    measures = ["nv", "goodfellow_normal", "dses"]
    ours, other, whole = (Sweep(model, transformations, measures, tile=2) for _ in range(3))
    whole.calibrate(x)
    whole.update(x)
    ours.calibrate(x)
    ours.update(x, range(5))
    file = io.BytesIO()
    torch.save(ours.state(), file)
    file.seek(0)
    other.restore(torch.load(file, weights_only=True))
    other.update(x, range(5, 9))
    assert_equal_tables(other.table(), whole.table())


def test_chosen_rows_are_taken_in_in_their_order():
    model, x, transformations = network(), images(), rotations(4)
    ours, other = (Sweep(model, transformations, VARIANCE, tile=2) for _ in range(2))
    ours.update(x, [7, 2, 4, 0])
    other.update(x[[7, 2, 4, 0]])
    assert ours.table().equals(other.table())


def test_a_look_measures_nothing_and_knows_the_shapes():
    sweep = Sweep(network(), rotations(4), VARIANCE)
    places = sweep.inspect(images())
    assert [place.shape for place in places.values()] == [
        *((3, 12, 10), (3, 12, 10), (3, 6, 5)),
        *((90,), (90,), (4,), (4,)),
    ]
    with pytest.raises(UserError, match="no images to measure with"):
        sweep.table()


def test_thresholds_need_the_identity():
    turned = Matrices(rotations(4).matrices[1:])
    with pytest.raises(UserError, match="need the identity among the transformations"):
        Sweep(network(), turned, ["goodfellow_normal"])
    with pytest.raises(UserError, match="thresholds need the identity among the transformations"):
        Sweep(network(), turned, VARIANCE).calibrate(images())


def test_an_alike_sweep_sees_another_network_in_the_same_way():
    ours = Sweep(
        network(),
        rotations(4),
        VARIANCE,
        aggregations=["none"],
        padding="zeros",
        mask=True,
        tile=3,
        dtype=torch.float64,
    )
    alike = ours.with_model(network(1), ["tv"])
    expected = Sweep(
        network(1),
        rotations(4),
        ["tv"],
        aggregations=["none"],
        padding="zeros",
        mask=True,
        tile=3,
        dtype=torch.float64,
    )
    assert alike.described() == expected.described()
    assert alike.tile == 3
    for sweep in (alike, expected):
        sweep.update(images())
    assert alike.table().equals(expected.table())


def test_a_network_that_works_in_place_measures_as_one_that_does_not():
    x, transformations = images(), rotations(4)
    ours = measure(network(inplace=True), x, transformations, VARIANCE, aggregations=["none"])
    assert ours.equals(measure(network(), x, transformations, VARIANCE, aggregations=["none"]))


def test_the_identity_set_has_tv_0_in_every_layer():
    identities = Matrices(torch.eye(3, dtype=torch.float64).repeat(6, 1, 1))
    table = measure(network(), images(), identities, ["tv"], aggregations=["none"])
    matrix_products = table["layer_index"] >= 5  # round by the place in the batch
    assert (table[~matrix_products]["value"] == 0).all()
    assert (table[matrix_products]["value"] < 1e-7).all()


@pytest.mark.parametrize("error", [None, RuntimeError("broken"), KeyboardInterrupt()])
def test_the_network_is_left_as_it_was(error):
    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            if error:
                raise error
            return x

    model = nn.Sequential(nn.BatchNorm2d(1), Layer(), nn.Dropout())
    model.train()
    model[0].eval()
    statistics = model[0].running_mean.clone()
    if error:
        with pytest.raises(type(error)):
            measure(model, images(), rotations(3), VARIANCE)
    else:
        measure(model, images(), rotations(3), VARIANCE)
    assert [module.training for module in model.modules()] == [True, False, True, True]
    assert torch.equal(model[0].running_mean, statistics)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_bytes_are_scaled_to_1_and_every_holder_of_images_gives_the_same():
    model, transformations = network(), rotations(3)
    whole = (images() * 255).to(torch.uint8)
    expected = measure(model, whole, transformations, VARIANCE)
    pairs = [(image, 0) for image in whole]
    for same in (whole.numpy(), whole / 255, list(whole), pairs):
        assert_equal_tables(measure(model, same, transformations, VARIANCE, tile=2), expected)


def test_preprocessing_sees_the_transformed_images():
    model, x, transformations = network(), images(), rotations(3)
    shifted = nn.Sequential(nn.Identity(), model)
    seen = []

    def preprocess(tile: Tensor) -> Tensor:
        seen.append(tile.shape)
        return tile - 0.5

    ours = measure(model, x, transformations, VARIANCE, tile=1, preprocess=preprocess)
    assert seen[-9:] == [(3, 1, 12, 10)] * 9
    shifted[0].forward = lambda t: t - 0.5
    expected = measure(shifted, x, transformations, VARIANCE, layers=["1.5"])
    np.testing.assert_allclose(ours[ours["layer"] == "5"]["value"], expected["value"], rtol=1e-6)


def test_chosen_layers_keep_their_place_and_a_block_lies_where_its_last_layer_does():
    model = nn.Sequential(network(), nn.Identity())
    table = measure(model, images(2), rotations(3), VARIANCE, layers=["0.2", "0"]).drop_duplicates("layer")
    assert dict(zip(table["layer"], table["layer_index"], strict=True)) == {"0.2": 2, "0": 6}


def test_the_standardising_layer_is_not_measured_unless_asked_for():
    class Standardize(nn.Module):
        layer_kind = "input"

        def forward(self, x: Tensor) -> Tensor:
            return x - 0.5

    model = nn.Sequential(Standardize(), nn.Conv2d(1, 2, 3))
    assert set(measure(model, images(2), rotations(3), VARIANCE)["layer"]) == {"1"}
    assert set(measure(model, images(2), rotations(3), VARIANCE, layers=["0"])["layer"]) == {"0"}


@pytest.mark.parametrize("dtype, cell", [(torch.float32, 28), (torch.float64, 40)])
def test_memory_of_the_state_does_not_grow_with_samples(dtype, cell):
    sweep = Sweep(network(), rotations(4), VARIANCE, dtype=dtype)

    def size(state) -> int:
        values = state.values() if isinstance(state, dict) else state if isinstance(state, list) else []
        return state.nbytes if isinstance(state, Tensor) else sum(map(size, values))

    sweep.update(images(3))
    units = 3 * (2 * 12 * 10 + 3 * 6 * 5) + 8
    assert size(sweep.state()) == cell * 4 * units + 8 * units
    assert sum(sweep.state_bytes(call, 4, 3) for call in sweep.places) >= size(sweep.state())
    before = size(sweep.state())
    sweep.update(images(20))
    assert size(sweep.state()) == before


def test_mistakes_are_named():
    model, x, transformations = network(), images(2), rotations(3)

    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean()

    ragged = [torch.zeros(1, 12, 10), torch.zeros(1, 13, 10)]
    unused = nn.Sequential(nn.Flatten())
    unused[0].more = nn.Identity()
    for text, arguments in {
        "unknown measure 'nw'; valid: ": {"measures": ["nw"]},
        "no measures; valid": {"measures": []},
        "unknown aggregation 'mean'; valid: after_max": {"aggregations": ["mean"]},
        "'dses' needs feature maps, which 'first_max' pools away": {
            "measures": ["dses"],
            "aggregations": ["first_max"],
        },
        "no layer has feature maps": {"model": nn.Sequential(nn.Flatten()), "measures": ["dses"]},
        "unknown layer '9'": {"layers": ["9"]},
        "layer '0.more' was not called; '0', which contains it, is measured": {
            "model": unused,
            "layers": ["0.more"],
        },
        "no images": {"images": x[:0]},
        "differ in shape": {"images": ragged, "tile": 2},
        r"an image has shape \(12, 10\); needed: \(C, H, W\)": {"images": x[:, 0]},
        r"an image has shape \(12, 10\); needed: \(C, H": {"images": [*x[:, 0]]},
        r"no layer is left to measure: Mean returns \(\), not one row": {"model": Mean()},
        r"layer 'Mean' returns \(\), not one row for each of 6 images": {"model": Mean(), "layers": "Mean"},
        "tile is 0": {"tile": 0},
        "dtype is torch.float16": {"dtype": torch.float16},
    }.items():
        given = {"model": model, "images": x, "transformations": transformations, "measures": VARIANCE}
        with pytest.raises(UserError, match=text):
            measure(**given | arguments)


def test_a_layer_with_one_number_per_image_is_measured():
    model = nn.Sequential(nn.Flatten(), nn.Linear(120, 1), nn.Flatten(0))
    assert len(measure(model, images(2), rotations(3), ["nv"], layers=["2"])) == 1


def test_a_layer_that_mixes_the_images_is_left_out_and_an_error_where_it_is_asked_for():
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean, self.flat = Mean(), nn.Flatten()

        def forward(self, x: Tensor) -> Tensor:
            self.mean(x)
            return self.flat(x)

    table = measure(Net(), images(2), rotations(3), VARIANCE)
    assert set(table["layer"]) == {"flat"}
    reason = "returns (1, 12, 10), not one row for each of 6 images"
    assert table.attrs["left_out"] == {"mean": reason}
    with pytest.raises(UserError, match=r"layer 'mean' returns \(1, 12, 10\), not one row"):
        measure(Net(), images(2), rotations(3), VARIANCE, layers=["mean"])


def test_images_that_lie_along_another_axis_are_found():
    class Turned(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).T

    x, transformations = images(5), rotations(3)
    ours = measure(Turned(), x, transformations, VARIANCE)
    expected = measure(nn.Flatten(), x, transformations, VARIANCE)
    assert ours["value"].equals(expected["value"])


def test_a_network_never_sees_fewer_inputs_than_when_it_was_looked_at():
    class Squeezing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3)).squeeze()

    seen = []
    model = nn.Sequential(nn.Conv2d(1, 3, 3), Squeezing())
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    measure(model, images(65), rotations(3), ["goodfellow_normal"])  # calibrated with 64 images, then with 1
    assert min(seen) == 3


def test_a_fixed_number_of_inputs_is_filled_where_there_are_fewer_images():
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x

    class Fixed(Square):
        def forward(self, x: Tensor) -> Tensor:
            assert len(x) == 12
            return super().forward(x)

    found = measure(Fixed(), images(2), rotations(3), VARIANCE, tile=4)
    expected = measure(Square(), images(2), rotations(3), VARIANCE)
    np.testing.assert_allclose(found["value"], expected["value"], rtol=1e-5)


def test_an_aggregation_that_is_asked_for_twice_is_given_once():
    twice = measure(network(), images(2), rotations(3), ["nv"], aggregations=["none", "before_mean", "none"])
    once = measure(network(), images(2), rotations(3), ["nv"], aggregations=["none", "before_mean"])
    assert twice.equals(once)


def test_where_all_layers_are_excluded_nothing_else_is_said():
    model = nn.ModuleDict({"flat": nn.Flatten(), "never": nn.ReLU()})
    model.forward = lambda x: model["flat"](x)
    for given in ({"exclude": "*"}, {"layers": "flat", "exclude": ["flat"]}):
        with pytest.raises(UserError, match=r"^no layer is left to measure: all are excluded$"):
            measure(model, images(2), rotations(3), ["nv"], **given)


def test_of_many_layers_the_nearest_are_named():
    with pytest.raises(UserError, match=r"unknown layer '12x'; valid: 12, .* and 31 more$"):
        measure(nn.Sequential(*[nn.ReLU() for _ in range(40)]), images(2), rotations(3), layers=["12x"])
