"""Measuring a network: classes, memory, order, and networks and data of all kinds."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from equivariance.errors import UserError
from equivariance.measures.aggregation import divide
from equivariance.measures.measuring import measure
from equivariance.measures.stratified import rows_by_class, with_means
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

VARIANCE = ("tv", "sv", "nv")
KEYS_OF_A_LAYER = ["layer", "measure", "aggregation"]
KEYS = ["layer", "unit", "measure", "aggregation"]


def rotations(count: int) -> TransformationSet:
    return build_set("rotation", {"rotations": {"count": count}})


def identity() -> SimpleNamespace:
    return SimpleNamespace(matrices=torch.eye(3, dtype=torch.float64)[None])


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    shared = nn.Tanh()
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        shared,
        nn.MaxPool2d(2),
        shared,
        nn.Flatten(),
        nn.Linear(3 * 6 * 5, 4),
        shared,
    )


def images(count: int = 12) -> Tensor:
    return torch.rand(count, 1, 12, 10, generator=torch.Generator().manual_seed(1))


def assert_same_values(ours: pd.DataFrame, expected: pd.DataFrame, relative: float = 1e-5) -> None:
    ours, expected = (table.set_index(KEYS)["value"].sort_index() for table in (ours, expected))
    assert ours.index.equals(expected.index)
    np.testing.assert_allclose(ours, expected, rtol=relative, atol=1e-9)


def by_cloning_hooks(model: nn.Module, x: Tensor, transformations: TransformationSet) -> dict[str, Tensor]:
    """Activations (n, T, ...) by call, cloned in plain hooks that know nothing of ours."""
    stored: dict[str, list[Tensor]] = {}
    hooks = []
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(_module, _inputs, output, name=name):
                calls.append(name)
                call = name if calls.count(name) == 1 else f"{name}:{calls.count(name)}"
                stored.setdefault(call, []).append(output.detach().clone())

            hooks.append(module.register_forward_hook(hook))
    with torch.no_grad():
        for matrix in transformations.matrices:
            calls: list[str] = []
            model.eval()(warp(x, matrix[None]))
    for handle in hooks:
        handle.remove()
    return {call: torch.stack(columns, 1) for call, columns in stored.items()}


# Classes


@pytest.mark.parametrize("labels", [[2, 0, 1] * 4, torch.tensor([2, 0, 1] * 4), np.array(list("abc") * 4)])
def test_the_stratified_form_is_the_mean_of_the_classes_measured_apart(labels):
    model, x, transformations = network(), images(), rotations(4)
    measures = [*VARIANCE, "eta_squared", "goodfellow_normal@0.8"]
    table = measure(model, x, transformations, measures, labels=labels)
    parts = []
    for name in sorted({str(label) for label in np.asarray(labels)}):
        rows = [str(label) == name for label in np.asarray(labels)]
        parts.append(measure(model, x[rows], transformations, measures))
        assert_same_values(table[table["class"] == name], parts[-1])
    values = pd.concat(parts).replace(math.inf, math.nan).groupby(KEYS)["value"].mean().reset_index()
    assert_same_values(table[table["class"] == "(mean)"], values)
    assert set(table["class"]) == {"(mean)", *map(str, np.asarray(labels))}
    whole = measure(model, x, transformations, measures)
    assert list(table) == [*whole, "class"]


def test_the_mean_over_classes_leaves_out_what_is_not_finite():
    table = pd.DataFrame(
        {
            "unit": [0, 1, 2] * 3,
            "class": [*"aaabbbccc"],
            "value": [1.0, math.inf, math.nan, 4.0, 5.0, math.inf, math.nan, 7.0, -math.inf],
        }
    )
    means = with_means(table)
    np.testing.assert_array_equal(means[means["class"] == "(mean)"]["value"], [2.5, 6, math.nan])
    assert means[means["class"] != "(mean)"].reset_index(drop=True).equals(table[list(means)])


def test_classes_are_named_by_their_text_and_in_order():
    assert rows_by_class([3, 1, 3, 2], 4) == {"1": [1], "2": [3], "3": [0, 2]}


@pytest.mark.parametrize("labels", [[0, 1], [[0, 1]] * 6, []])
def test_labels_that_do_not_fit_are_named(labels):
    with pytest.raises(UserError, match=r"labels have the shape .*; needed: one for each of 12 samples"):
        measure(network(), images(), rotations(3), VARIANCE, labels=labels)


# Memory


def test_a_group_of_layers_without_feature_maps_adds_nothing():
    model, x = network(), images(3)
    expected = measure(model, x, rotations(3), ["nvse"])
    table = measure(model, x, rotations(3), ["nvse"], memory=1)
    assert_same_values(table, expected, 0)
    assert table.attrs["left_out"] == expected.attrs["left_out"]
    assert list(table.attrs["left_out"]) == ["4", "5", "1:3"]


@pytest.mark.parametrize("memory", [1, 50_000, 10**9])
def test_groups_of_layers_give_the_table_of_one_pass(memory):
    model, x, transformations = network(), images(), rotations(4)
    measures = [*VARIANCE, "goodfellow_normal"]
    expected = measure(model, x, transformations, measures)
    assert_same_values(measure(model, x, transformations, measures, memory=memory), expected, 0)


def test_each_group_is_a_pass_over_the_images():
    model, x = network(), images(6)
    passes = []
    model.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))
    measure(model, x, rotations(4), VARIANCE, memory=math.inf)
    look, passes[:] = list(passes[:-1]), []
    assert look == [3, 24, 3]  # few, all of a tile, and few again
    measure(model, x, rotations(4), ["tv"], memory=1)
    assert sum(passes) - sum(look) == 7 * 6 * 4  # seven calls of layers


def test_groups_are_of_the_chosen_layers_only():
    table = measure(network(), images(2), rotations(3), VARIANCE, layers=["0", "2"], memory=1)
    assert list(table["layer"].unique()) == ["0", "2"]


# Order


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
def test_the_order_of_the_images_does_not_matter(order):
    model, transformations = network(), rotations(4)
    brightness = torch.arange(12).repeat_interleave(4).view(-1, 1, 1, 1) / 12
    x = (images(48) + brightness).float()  # sorted by class, as a folder of folders is
    orders = {
        "sorted": torch.arange(48),
        "reversed": torch.arange(48).flip(0),
        "shuffled": torch.randperm(48, generator=torch.Generator().manual_seed(0)),
    }
    measures = [*VARIANCE, "nd@48", "anova", "eta_squared", "goodfellow_normal@0.8"]
    expected = measure(model, x, transformations, measures)
    assert_same_values(measure(model, x[orders[order]], transformations, measures), expected)


def test_a_folder_sorted_by_class_does_not_compare_like_with_like():
    brightness = torch.arange(8).repeat_interleave(16).view(-1, 1, 1, 1) / 2
    x = (images(128) / 10 + brightness).float()
    model = nn.Sequential(nn.Flatten())
    batches, exact = (measure(model, x, rotations(2), [name])["value"].mean() for name in ("sd", "sd@128"))
    assert batches == pytest.approx(exact, rel=0.1)
    ordered = np.mean(
        [abs(x[i : i + 8, None] - x[None, i : i + 8]).sum() / 120 / 56 for i in range(0, 128, 8)]
    )
    assert ordered < exact / 3  # as it would be in the order of the folder


def test_the_order_is_random_and_always_the_same():
    x = torch.arange(40.0).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)

    def order() -> list[float]:
        seen: list[float] = []
        measure(
            nn.Sequential(nn.Identity()),
            x,
            rotations(2),
            ["tv"],
            preprocess=lambda tile: (seen.extend(tile[::2, 0, 0, 0].tolist()), tile)[1],
        )
        return seen[-40:]  # some images are looked at before

    assert sorted(order()) == list(range(40))
    assert order() == order() != sorted(order())


# Networks


def test_a_residual_network_is_measured_as_it_was_at_each_moment():
    torch.manual_seed(0)
    model, transformations = torchvision.models.resnet18().eval(), rotations(3)
    x = torch.rand(2, 3, 24, 24)
    expected = by_cloning_hooks(model, x, transformations)
    table = measure(model, x, transformations, VARIANCE, aggregations=["none", "before_mean"])
    assert list(table["layer"].unique()) == list(expected)
    assert {"layer1.0.relu", "layer1.0.relu:2", "layer4.1.relu:2"} <= set(table["layer"])
    layers = table.drop_duplicates("layer")
    assert list(layers["layer_index"]) == list(range(len(expected)))
    values = {key: part.to_numpy() for key, part in table.groupby(KEYS_OF_A_LAYER)["value"]}
    for call, activations in expected.items():
        tv, sv = activations.double().std(1).mean(0), activations.double().std(0).mean(0)
        for name, wanted in (("tv", tv), ("sv", sv)):
            ours = values[call, name, "none"]
            np.testing.assert_allclose(ours, wanted.flatten(), rtol=1e-4, atol=1e-6 * float(wanted.max()))
        if tv.dim() == 3:
            nv = divide(tv.mean((1, 2)), sv.mean((1, 2)))
            np.testing.assert_allclose(values[call, "nv", "before_mean"], nv, rtol=1e-4)


def test_the_sum_of_a_skip_connection_is_not_taken_for_the_layer_before_it():
    """`out += identity` changes the output of a layer after it was measured."""

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            out = self.conv(x)
            out += 100 * x
            return self.relu(out)

    model, x = Skip(), images()
    alone = nn.Sequential(model.conv)
    ours = measure(model, x, rotations(4), VARIANCE, layers=["conv"], aggregations=["none"])
    expected = measure(alone, x, rotations(4), VARIANCE, aggregations=["none"])
    assert ours["value"].equals(expected["value"])


def test_a_float64_network_is_measured_in_its_precision():
    model, x, transformations = network().double(), images().double(), rotations(4)
    expected = by_cloning_hooks(model, x, transformations)
    table = measure(model, x, transformations, ["sv"], aggregations=["none"], dtype=torch.float64)
    for call, activations in expected.items():
        ours = table[table["layer"] == call]["value"]
        wanted = activations.std(0).mean(0).flatten()
        np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-14)


def test_bfloat16_where_it_is_safe_is_close_to_float32():
    model, x, transformations = network(), images(40), rotations(5)
    half = measure(model, x, transformations, ["nv"], autocast=torch.bfloat16)
    full = measure(model, x, transformations, ["nv"])
    assert_same_values(half, full, 0.05)
    assert not half["value"].equals(full["value"])


def test_a_network_in_channels_last_is_measured_alike():
    transformations = rotations(4)
    x = torch.rand(6, 3, 12, 10, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))
    names = [*VARIANCE, "anova", "goodfellow_normal", "nvse", "dses"]
    expected = measure(model, x, transformations, names, aggregations=["none"])
    strides = []
    model[0].register_forward_hook(lambda _m, _i, output: strides.append(output.stride(1)))
    model.to(memory_format=torch.channels_last)
    last = measure(
        model,
        x,
        transformations,
        names,
        aggregations=["none"],
        preprocess=lambda tile: tile.contiguous(memory_format=torch.channels_last),
    )
    assert set(strides) == {1}
    assert_same_values(last, expected, 1e-4)


def test_a_dataset_of_images_and_labels_is_measured_as_its_images():
    model, x, transformations = network(), images(), rotations(3)
    dataset = TensorDataset(x, torch.arange(12))
    ours = measure(model, dataset, transformations, VARIANCE)
    assert ours.equals(measure(model, x, transformations, VARIANCE))


@pytest.mark.parametrize(
    "name", ["tv", "nv", "td", "nd", "anova", "eta_squared", "goodfellow_normal", "dses"]
)
def test_one_transformation_is_no_question(name):
    with pytest.raises(UserError, match=rf"1 transformation; {name} compares transformations"):
        measure(network(), images(), identity(), [name])
    assert (measure(network(), images(), identity(), ["sv", "sd"])["value"] > 0).any()


@pytest.mark.parametrize(
    "name", ["sv", "nv", "sd", "nd", "anova", "eta_squared", "goodfellow_normal", "nvse"]
)
def test_one_image_is_no_question(name):
    with pytest.raises(UserError, match=rf"1 sample; {name} compares samples and needs at least 2"):
        measure(network(), images(1), rotations(4), [name])
    with pytest.raises(UserError, match=r"1 sample in class 'b'"):
        measure(network(), images(3), rotations(4), [name], labels=["a", "b", "a"])
    assert (measure(network(), images(1), rotations(4), ["tv", "dses"])["value"] > 0).any()


def test_pooling_first_measures_the_means_and_maxima_of_maps():
    model, x, transformations = network(), images(), rotations(4)
    stored = by_cloning_hooks(model, x, transformations)["0"]
    table = measure(model, x, transformations, ["nv"], layers=["0"], aggregations=["first_mean", "first_max"])
    for aggregation, pooled in (("first_mean", stored.mean((-2, -1))), ("first_max", stored.amax((-2, -1)))):
        expected = pooled.std(1).mean(0) / pooled.std(0).mean(0)
        ours = table[table["aggregation"] == aggregation]["value"]
        np.testing.assert_allclose(ours, expected, rtol=1e-4)


# What is left out


def test_layers_without_maps_have_no_same_equivariance_and_are_named():
    table = measure(network(), images(), rotations(3), ["nv", "nvse", "dses"])
    reason = "no same-equivariance: it has no feature maps"
    assert table.attrs["left_out"] == dict.fromkeys(["4", "5", "1:3"], reason)
    assert set(table[table["measure"] == "nv"]["layer"]) == {"0", "1", "2", "1:2", "4", "5", "1:3"}
    for name in ("nvse", "dses"):
        assert set(table[table["measure"] == name]["layer"]) == {"0", "1", "2", "1:2"}


def test_layers_that_were_not_asked_for_are_not_left_out():
    table = measure(network(), images(2), rotations(3), ["nv", "nvse"], layers=["0"])
    assert table.attrs["left_out"] == {}
    assert measure(network(), images(2), rotations(3), VARIANCE).attrs["left_out"] == {}


@pytest.mark.parametrize(
    ("count", "labels", "told"),
    [
        (1, None, "1 image under 4 transformations; 1 layer with 3 units; 1 pass, 1 MiB of memory, about "),
        (4, [0] * 4, "4 images in 1 class under 4 transformations; 1 layer with 3 units; 1 pass, "),
    ],
)
def test_what_will_be_done_is_told_before_with_the_units_of_the_result(count, labels, told):
    plans = []
    table = measure(
        network(), images(count), rotations(4), "tv", layers="0", labels=labels, announce=plans.append
    )
    (plan,) = plans
    assert str(plan).startswith(told)
    assert plan.units == table["unit"].nunique()
