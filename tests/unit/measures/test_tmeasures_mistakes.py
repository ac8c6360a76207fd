"""Where tmeasures 1.2.11 is wrong: its value, ours, and the right one from first principles."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from tmeasures import np as tmeasures_np
from tmeasures import pytorch as tmeasures_torch
from torch import Tensor, nn

from equivariance.measures.arrays import measure_arrays
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # means of nothing, 0/0
]


class Column(tmeasures_torch.PyTorchTransformation):
    """The transformation j of given activations: a "sample" is a row (T, U) of them."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def __call__(self, row: Tensor) -> Tensor:
        return row[self.index]


def columns(*indices: int) -> tmeasures_torch.PyTorchTransformationSet:
    return tmeasures_torch.PyTorchTransformationSet([Column(index) for index in indices])


def seeing() -> tmeasures_torch.AutoActivationsModule:
    """A network that shows the activations as they are."""
    return tmeasures_torch.AutoActivationsModule(nn.Sequential(nn.Identity()), full_name=False)


def theirs_numpy(form: tmeasures_np.NumpyMeasure, block: np.ndarray, batch: int = 1000):
    iterator = tmeasures_torch.NormalPytorchActivationsIterator(
        seeing(), torch.from_numpy(block), columns(*range(block.shape[1])), batch, 0, False
    )
    return form.eval(iterator)


def theirs_torch(form: tmeasures_torch.PyTorchMeasure, block: np.ndarray):
    options = tmeasures_torch.PyTorchMeasureOptions(batch_size=1000, verbose=False)
    return form.eval(torch.from_numpy(block), columns(*range(block.shape[1])), seeing(), options)


def ours(block: np.ndarray, name: str) -> np.ndarray:
    return measure_arrays(block, [name], identity=0)["value"].to_numpy()


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def all_pairs(rows: np.ndarray) -> np.ndarray:
    """The mean distance of all pairs of rows (m, U), of each unit."""
    return np.mean([abs(a - b) for a, b in itertools.combinations(rows, 2)], axis=0)


def goodfellow(alpha: float) -> tmeasures_torch.GoodfellowInvariance:
    """The author's form, with the first column untransformed."""
    threshold = tmeasures_torch.NormalPValueThreshold(alpha=alpha)
    return tmeasures_torch.GoodfellowInvariance(
        global_transformations=columns(0), threshold_algorithm=threshold
    )


def scalars(normalize: bool = False, keep_shape: bool = False) -> tmeasures_np.DistanceAggregation:
    return tmeasures_np.DistanceAggregation(normalize=normalize, keep_shape=keep_shape)


def test_anova_divides_the_confidence_and_not_the_error_among_the_tests():
    block = draw(100, 25, 100)  # in which there is nothing to find
    rejected = theirs_numpy(tmeasures_np.ANOVAInvariance(alpha=0.99), block).layers[0]
    p_values = stats.f_oneway(*block.swapaxes(0, 1)).pvalue
    assert not (p_values < 0.01 / 100).any()
    assert rejected.mean() > 0.95
    assert (ours(block, "anova") == 0).all()


def test_anova_of_a_constant_unit_is_not_a_number():
    found = theirs_numpy(tmeasures_np.ANOVAFInvariance(), np.zeros((6, 3, 1))).layers[0]
    assert np.isnan(found).all()
    assert ours(np.zeros((6, 3, 1)), "eta_squared") == 0


@pytest.mark.parametrize("threshold", ["normal", "percentile"])
def test_goodfellow_over_all_samples_takes_a_shuffled_unit_for_an_invariant_one(threshold):
    samples = 100
    rows = draw(samples)
    index = np.arange(samples)
    invariant = np.repeat(rows[:, None], samples, 1)
    shuffled = rows[(index[:, None] + index) % samples]
    block = np.stack([invariant, shuffled], 2)
    np.testing.assert_allclose(theirs_torch(goodfellow(0.9), block).layers[0], [1, 1])
    fires = block > np.quantile(block[:, 0], 0.9, axis=0)
    of_those_that_fire = [fires[fires[:, 0, unit], :, unit].mean() for unit in range(2)]
    assert of_those_that_fire == pytest.approx([1, fires[:, 0, 1].mean()])
    found = ours(block, f"goodfellow_{threshold}_original@0.9")
    assert found[0] > 5
    assert found[1] == pytest.approx(1)


def test_goodfellow_with_the_sign_fixed_misses_a_unit_that_is_invariant_where_it_is_lowest():
    rows = draw(200)
    block = np.repeat(rows[:, None, None], 5, 1)
    block[rows > np.median(rows), 1:] = -1e-3 * rows[rows > np.median(rows)][:, None, None]
    found = theirs_torch(goodfellow(0.9), block)
    assert found.extra_values["global"].layers[0] > 0
    assert float(found.layers[0]) == pytest.approx(1 / 5)  # fires under the identity only
    low = rows < rows.mean() - stats.norm.ppf(0.9) * rows.std(ddof=1)
    assert ours(block, "goodfellow_normal_original@0.9") == pytest.approx(1 / low.mean())


def test_goodfellow_takes_the_global_firing_for_granted():
    block = np.zeros((100, 4, 1))
    block[:25] = 1  # invariant: a quarter of the samples fires, whatever the transformation
    found = theirs_numpy(tmeasures_np.GoodfellowNormalInvariance(alpha=0.9), block)
    threshold = block[:, 0].mean() + stats.norm.ppf(0.9) * block[:, 0].std(ddof=1)
    assert (block[:, 0] > threshold).mean() == 0.25
    assert found.layers[0] == pytest.approx(0.25 / 0.1)
    assert ours(block, "goodfellow_normal@0.9") == 1


def test_goodfellow_percentiles_are_those_of_the_first_batch():
    from tmeasures.np.goodfellow import GlobalFiringRateMeasure

    block = np.repeat(np.arange(100.0)[:, None, None], 3, 1)
    firing = GlobalFiringRateMeasure(0.1, 1)
    theirs_numpy(firing, block, batch=20)
    assert firing.get_thresholds()[0] == 18  # of the numbers below 20
    right = np.sort(block[:, 0, 0])[int(0.9 * 100)]
    assert ours(block, "goodfellow_percentile_threshold@0.9") == right == 90


def test_percentile_thresholds_count_the_samples_of_a_smaller_last_batch_several_times():
    values = torch.arange(9.0)[:, None]
    percentile = tmeasures_torch.PercentActivationThreshold(percent=0.75)
    found = percentile.eval([list(values.split(4))], "layer")
    assert found == 8  # of 0..7 and four times 8
    assert ours(values.numpy()[:, None], "goodfellow_percentile_threshold@0.75") == 6
    with pytest.raises(RuntimeError, match="must match"):
        percentile.eval([list(torch.arange(10.0)[:, None].split(4))], "layer")
    assert ours(np.arange(10.0)[:, None, None], "goodfellow_percentile_threshold@0.75") == 7


def test_percentile_thresholds_leave_the_samples():
    values = torch.arange(8.0)[:, None]
    with pytest.raises(IndexError):
        tmeasures_torch.PercentActivationThreshold(percent=1.0).eval([[values]], "layer")
    assert ours(values.numpy()[:, None], "goodfellow_percentile_threshold@0.9999999999999999") == 7


def test_firing_rates_change_the_activations():
    from tmeasures.pytorch.goodfellow import MeanFiringRate

    batch = torch.from_numpy(draw(6, 2))
    before = batch.clone()
    MeanFiringRate(-1, {"layer": torch.zeros(2)}).eval([[batch]], "layer")
    assert torch.equal(batch, -before)
    block = draw(6, 4, 2)
    kept = block.copy()
    ours(block, "goodfellow_normal_original")
    assert (block == kept).all()


def test_normalising_distances_changes_the_activations():
    maps = draw(5, 1, 3, 4)
    before = maps.copy()
    scalars(normalize=True, keep_shape=True).apply(maps)
    assert not np.allclose(maps, before)
    block = before[:, None].repeat(2, 1)
    kept = block.copy()
    ours(block, "nd_normalize_keep")
    assert (block == kept).all()


def test_distances_of_a_map_of_zeros_are_not_numbers():
    block = draw(4, 3, 1, 2, 2)
    block[1, 2] = 0
    form = tmeasures_np.TransformationDistanceInvariance(scalars(normalize=True, keep_shape=True))
    assert np.isnan(theirs_numpy(form, block.copy()).layers[0]).all()
    flat = block.reshape(4, 3, 4)
    norms = np.linalg.norm(flat, axis=2, keepdims=True)
    unit = np.divide(flat, norms, where=norms > 0, out=np.zeros_like(flat))
    pairs = [np.linalg.norm(row[i] - row[j]) for row in unit for i, j in [(0, 1), (0, 2), (1, 2)]]
    assert ours(block, "td_normalize_keep") == pytest.approx(np.mean(pairs))


def test_distances_with_a_last_batch_of_one_sample_are_not_numbers():
    block = draw(9, 3, 2)
    found = theirs_numpy(tmeasures_np.SampleDistanceInvariance(scalars()), block, batch=4).layers[0]
    assert np.isnan(found).all()
    right = np.mean([[all_pairs(block[:4, j]), all_pairs(block[4:8, j])] for j in range(3)], axis=(0, 1))
    np.testing.assert_allclose(ours(block, "sd@4"), right)


def test_distances_of_a_small_last_batch_weigh_as_much_as_those_of_a_large_one():
    block = draw(10, 3, 1)
    block[8:] *= 100
    found = theirs_numpy(tmeasures_np.SampleDistanceInvariance(scalars()), block, batch=8).layers[0]
    large, small = (np.mean([all_pairs(part[:, j]) for j in range(3)]) for part in (block[:8], block[8:]))
    assert found == pytest.approx((large + small) / 2)
    right = (28 * large + 1 * small) / 29  # the mean over the pairs
    assert ours(block, "sd@8") == pytest.approx(right)


def test_distances_of_neighbouring_transformations_are_too_small():
    block = np.repeat(np.arange(64.0)[None, :, None], 3, 0)
    found = theirs_numpy(tmeasures_np.TransformationDistanceInvariance(scalars()), block, batch=8).layers[0]
    exact = all_pairs(block[0])
    assert found < exact / 7
    assert ours(block, "td") == pytest.approx(exact)
    assert ours(block, "td@8") == pytest.approx(exact, rel=0.2)


def test_a_class_in_which_a_unit_is_constant_makes_the_stratified_measure_infinite():
    first, second = draw(6, 4, 1), np.repeat(draw(1, 4, 1), 6, 0)
    options = tmeasures_torch.PyTorchMeasureOptions(verbose=False)
    form = tmeasures_torch.NormalizedVarianceInvariance()
    classes = [torch.from_numpy(part) for part in (first, second)]
    found = form.eval_stratified(classes, columns(0, 1, 2, 3), seeing(), options, ["first", "second"])
    assert np.isinf(found.layers[0]).all()
    right = first.std(1, ddof=1).mean() / first.std(0, ddof=1).mean()
    table = measure_arrays(np.concatenate([first, second]), ["nv"], labels=[0] * 6 + [1] * 6)
    assert table[table["class"] == "(mean)"]["value"].tolist() == pytest.approx([right])


def test_the_two_stratified_forms_are_called_differently():
    form = tmeasures_np.NormalizedDistanceInvariance(scalars())
    with pytest.raises(TypeError, match="positional arguments"):
        form.eval_stratified([], columns(0), seeing(), None, [])
    table = measure_arrays(draw(6, 4, 1), ["nv", "nd"], labels=[0, 1] * 3)
    assert set(table["class"]) == {"(mean)", "0", "1"}


class Turn(tmeasures_torch.PyTorchTransformation):
    def __call__(self, maps: Tensor) -> Tensor:
        return maps.rot90(2, (1, 2))

    def inverse(self) -> "Turn":
        return self


def test_same_equivariance_fails_at_a_layer_without_maps():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 6, 3))
    x = torch.from_numpy(draw(4, 1, 8, 8)).float()
    with pytest.raises(RuntimeError, match="expected total dims"):
        tmeasures_torch.NormalizedVarianceSameEquivariance().eval(
            x,
            tmeasures_torch.PyTorchTransformationSet([Turn()]),
            tmeasures_torch.AutoActivationsModule(network, full_name=False),
            tmeasures_torch.PyTorchMeasureOptions(verbose=False),
        )
    table = measure(network, x, build_set("turn", {"rotations": {"count": 2}}), ["nvse"])
    assert set(table["layer"]) == {"0"}
    assert [*table.attrs["left_out"]] == ["1", "2"]
