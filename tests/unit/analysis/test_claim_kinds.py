"""Kinds of tests of claims: each finds a true effect, and none where there is none."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent))
from made_tables import LAYERS, SHAPE, accuracy_rows, entry, judged, noisy, profile_rows, verdicts

from equivariance.analysis.claims.sensitivity import effect

SUPPORTED, UNDECIDED, CONTRADICTED, NOT_RUN = "supported", "undecided", "contradicted", "not run"
STABLE = entry(
    "seed_stability",
    {"spearman": {"above": 0.9}, "distance_within": {"below": 0.1}, "icc": {"above": 0.9}},
)


class TestStability:
    def test_profiles_that_hardly_differ_are_stable(self) -> None:
        assert verdicts(profile_rows(noisy(spread=0.02)), STABLE) == [SUPPORTED] * 3

    def test_profiles_without_a_common_shape_are_not(self) -> None:
        rows = profile_rows(lambda random: random.uniform(0.1, 1.5, len(LAYERS)), seeds=8)
        assert verdicts(rows, STABLE) == [CONTRADICTED] * 3

    def test_statistics_are_those_of_their_definitions(self) -> None:
        rows = profile_rows(noisy(spread=0.1), seeds=3)
        p = rows.pivot_table(index="seed", columns="layer_index", values="mean").to_numpy()
        pairs = [(p[0], p[1]), (p[0], p[2]), (p[1], p[2])]
        distance = np.mean([np.mean(np.abs(a - b) / (a + b)) for a, b in pairs])
        layers = np.mean([np.cov(a, b)[0, 1] for a, b in pairs])
        seeds = np.mean([np.mean((a - b) ** 2) / 2 for a, b in pairs])
        found = judged(rows, STABLE)["statistic"]
        assert found[1] == pytest.approx(distance)
        assert found[2] == pytest.approx(layers / (layers + seeds))

    def test_measures_that_agree(self) -> None:
        test = entry(
            "agreement",
            {"spearman_of_measures": {"above": 0.9}},
            first={"measure": "nv"},
            second={"measure": "nd"},
        )
        rows = profile_rows(noisy(spread=0.01))
        agreeing = pd.concat([rows, rows.assign(measure="nd", mean=rows["mean"] * 1.1)])
        opposite = pd.concat([rows, rows.assign(measure="nd", mean=2 - rows["mean"])])
        assert verdicts(agreeing, test) == [SUPPORTED]
        assert verdicts(opposite, test) == [CONTRADICTED]


class TestFactors:
    DEPENDS = entry("factor_ratio", {"factor_ratio": {"above": 1.5, "significance": 0.01}}, factor="model")
    EQUAL = entry(
        "factor_ratio",
        {"factor_ratio": {"below": "factor"}, "distance_between": {"below": "small_distance"}},
        factor="model",
        enough="any",
    )

    @staticmethod
    def models(other: float, seeds: int = 6, spread: float = 0.05) -> pd.DataFrame:
        """Networks of two models, the profile of the second tilted."""
        tilted = SHAPE * np.linspace(1, 1 + other, len(SHAPE))
        return pd.concat(
            [
                profile_rows(noisy(spread=spread), seeds),
                profile_rows(noisy(tilted, spread), seeds, model="other"),
            ]
        )

    def test_a_factor_with_an_effect_is_found(self) -> None:
        row = judged(self.models(1.0), self.DEPENDS).iloc[0]
        assert row["verdict"] == SUPPORTED
        assert row["p"] < 0.01

    def test_a_factor_without_an_effect_has_a_ratio_of_one(self) -> None:
        row = judged(self.models(0.0, seeds=12), self.DEPENDS).iloc[0]
        assert row["verdict"] == CONTRADICTED
        assert row["statistic"] == pytest.approx(1, abs=0.1)
        assert row["p"] > 0.05

    def test_equivalence_needs_enough_seeds(self) -> None:
        assert verdicts(self.models(0.0, seeds=8), self.EQUAL) == [SUPPORTED]
        few = judged(self.models(0.0, seeds=4), self.EQUAL).iloc[0]
        assert (few["verdict"], few["seeds"]) == (UNDECIDED, 4)
        assert few["reason"].startswith("4 seeds; 5 are needed")

    def test_a_small_distance_is_enough_and_the_ratio_is_said(self) -> None:
        row = judged(self.models(0.08, spread=0.005), self.EQUAL).iloc[0]
        assert row["verdict"] == SUPPORTED
        assert row["criterion"] == "distance between conditions"
        assert "distance between conditions / between seeds: " in row["reason"]

    def test_one_network_measured_in_two_ways_is_compared_with_itself(self) -> None:
        rows = profile_rows(noisy(spread=0.2))
        both = pd.concat([rows, rows.assign(measured_on="cifar10_test")])
        test = entry("factor_ratio", {"distance_between": {}}, factor="measured_on", same_network=True)
        assert judged(both, test)["statistic"].tolist() == [0]

    def test_networks_of_different_depth_are_compared_by_depth(self) -> None:
        rows = profile_rows(noisy(np.linspace(2, 1, 10), 0))
        deep = rows[rows["layer_index"] % 3 == 0].assign(model="other")
        test = entry("factor_ratio", {"distance_between": {}}, factor="model")
        assert judged(pd.concat([rows, deep]), test)["statistic"].iloc[0] == pytest.approx(0, abs=1e-12)

    def test_normalization_and_dropout_layers_do_not_count(self) -> None:
        rows = profile_rows(noisy(spread=0.01))
        extra = [
            rows[rows["layer_index"] == 0].assign(layer=name, kind=kind, layer_index=0.5, mean=99)
            for name, kind in (("conv1_bn", "norm"), ("dropout1", "other"), ("flatten", "reshape"))
        ]
        rows, other = rows, pd.concat([rows, *extra]).assign(model="other")
        test = entry("factor_ratio", {"distance_between": {"below": 0.02}}, factor="model")
        assert verdicts(pd.concat([rows, other]), test) == [SUPPORTED]

    @pytest.mark.parametrize(("effect", "verdict"), [(1.0, SUPPORTED), (0.0, CONTRADICTED)])
    def test_one_factor_changes_more_than_another(self, effect: float, verdict: str) -> None:
        test = entry(
            "distance_contrast",
            {"distance_difference": {"above": 0}},
            factor="model",
            blocks=["trained_with"],
            first={"model": ["net", "one"]},
            second={"model": ["net", "two"]},
        )
        sets = ("rotation", "scale")
        tilted = SHAPE * np.linspace(1, 2, len(SHAPE))
        shapes = {"net": SHAPE, "one": tilted if effect else SHAPE, "two": SHAPE if effect else tilted}
        rows = pd.concat(
            [
                profile_rows(noisy(shape, 0.05), model=model, trained_with=one)
                for model, shape in shapes.items()
                for one in sets
            ]
        )
        row = judged(rows, test).iloc[0]
        assert row["verdict"] == verdict
        assert (row["p"] < 0.01) == (verdict == SUPPORTED)
        # A set for which one model was not trained does not count.
        incomplete = pd.concat([rows, profile_rows(noisy(), model="net", trained_with="none")])
        assert judged(incomplete, test)["statistic"].tolist() == [row["statistic"]]


class TestDifferences:
    @staticmethod
    def compared(criteria: dict, **parameters: object) -> dict:
        given = {"value": "accuracy", "first": {"model": "one"}, "second": {"model": "two"}, **parameters}
        return entry("difference", criteria, **given)

    @pytest.mark.parametrize(
        ("first", "bound", "verdict"),
        [
            (90, {"above": -2}, SUPPORTED),
            (85, {"above": -2}, CONTRADICTED),
            (88, {"above": -2}, UNDECIDED),
            (91, {"within": 2}, SUPPORTED),
            (94, {"within": 2}, CONTRADICTED),
            (93, {"below": 2}, CONTRADICTED),
            (94, {"above": {"cifar10": 5, "default": 3}}, SUPPORTED),
        ],
    )
    def test_a_difference_is_judged_by_its_interval(self, first: float, bound: dict, verdict: str) -> None:
        rows = pd.concat([accuracy_rows(first, model="one"), accuracy_rows(90, model="two")])
        assert verdicts(rows, self.compared({"difference": bound})) == [verdict]

    def test_equivalence_has_the_p_of_two_one_sided_tests(self) -> None:
        from statsmodels.stats.weightstats import ttost_paired

        one, two = accuracy_rows(91, model="one"), accuracy_rows(90, model="two")
        p = judged(pd.concat([one, two]), self.compared({"difference": {"within": 2}}))["p"].iloc[0]
        assert p == pytest.approx(ttost_paired(100 * one["accuracy"], 100 * two["accuracy"], -2, 2)[0])

    def test_the_threshold_of_a_stand_in_is_that_of_the_real_data(self) -> None:
        test = self.compared({"difference": {"above": {"mnist": 7, "default": 1}}})
        for dataset, threshold in (("digits", 7), ("mnist", 7), ("cifar10", 1)):
            rows = [accuracy_rows(90, model=model, dataset=dataset) for model in ("one", "two")]
            assert judged(pd.concat(rows), test)["threshold"].tolist() == [threshold]

    def test_a_significant_difference(self) -> None:
        bound = {"below": 0, "significance": 0.01}
        rows = [accuracy_rows(mean, model=model) for mean, model in ((80, "one"), (90, "two"))]
        row = judged(pd.concat(rows), self.compared({"difference": bound})).iloc[0]
        assert (row["verdict"], row["p"]) == (SUPPORTED, pytest.approx(1 / 924))  # 12! / (6! 6!)

    def test_the_best_of_several_is_compared(self) -> None:
        rows = pd.concat(
            [accuracy_rows(mean, model=name) for name, mean in (("a", 80), ("b", 90), ("two", 85))]
        )
        test = self.compared({"difference": {"above": 0}}, first={"model": ["a", "b"]}, best=True)
        row = judged(rows, test).iloc[0]
        assert row["verdict"] == SUPPORTED
        assert row["cell"] == "MNIST, b"

    def test_each_of_several_has_a_row(self) -> None:
        rows = pd.concat(
            [accuracy_rows(mean, model=name) for name, mean in (("a", 80), ("b", 90), ("two", 85))]
        )
        test = self.compared({"difference": {"above": 0}}, first={"model": ["a", "b"]})
        found = judged(rows, test)
        assert found["cell"].tolist() == ["MNIST, a", "MNIST, b"]
        assert found["verdict"].tolist() == [CONTRADICTED, SUPPORTED]

    def test_a_ratio(self) -> None:
        rows = pd.concat([accuracy_rows(60, model="one"), accuracy_rows(30, model="two")])
        row = judged(rows, self.compared({"ratio": {"above": 1}})).iloc[0]
        assert row["verdict"] == SUPPORTED
        assert row["statistic"] == pytest.approx(2, abs=0.05)

    def test_thirds_of_layers(self) -> None:
        rows = profile_rows(noisy(np.arange(10.0), 0))
        chosen = ("all", "first_third", "last_third", "last_minus_first", ["fc*"])
        tests = [entry("difference", {"mean": {}}, value="mean", layers=layers) for layers in chosen]
        assert judged(rows, *tests)["statistic"].tolist() == pytest.approx([4.5, 1.5, 7.5, 6, 8])

    def test_depth_correlation(self) -> None:
        test = entry("difference", {"mean": {"above": 0}}, value="depth_correlation")
        assert verdicts(profile_rows(noisy(np.arange(1.0, 11), 0.01)), test) == [SUPPORTED]
        assert verdicts(profile_rows(noisy(np.arange(11.0, 1, -1), 0.01)), test) == [CONTRADICTED]

    @pytest.mark.parametrize(("low", "verdict"), [(0.5, SUPPORTED), (1.5, CONTRADICTED)])
    def test_signs(self, low: float, verdict: str) -> None:
        rows = [
            profile_rows(
                noisy(SHAPE * (low if one == "rotation" else 1), 0.01), model=model, trained_with=one
            )
            for model in map(str, range(12))
            for one in ("rotation", "none")
        ]
        test = entry(
            "sign_test",
            {"share_below": {"above": 0.5, "significance": 0.001}},
            value="mean",
            first={"trained_with": "rotation"},
            second={"trained_with": "none"},
        )
        row = judged(pd.concat(rows), test).iloc[0]
        assert row["verdict"] == verdict
        if verdict == SUPPORTED:
            assert (row["reason"], row["p"]) == ("12 of 12 conditions", 0.5**12)


class TestOthers:
    @pytest.mark.parametrize(
        ("means", "verdict"),
        [((4, 3, 2, 1), SUPPORTED), ((1, 2, 3, 4), CONTRADICTED), ((2, 2, 2, 2), UNDECIDED)],
    )
    def test_trend(self, means: tuple[int, ...], verdict: str) -> None:
        levels = ["a", "b", "c", "d"]
        rows = pd.concat(
            [
                profile_rows(noisy(SHAPE * mean, 0.05), trained_with=level)
                for level, mean in zip(levels, means, strict=True)
            ]
        )
        criteria = {"trend": {"below": 0, "significance": 0.01}}
        test = entry("trend", criteria, value="mean", factor="trained_with", levels=levels)
        assert verdicts(rows, test) == [verdict]

    @pytest.mark.parametrize(("effect", "verdict"), [(1.0, SUPPORTED), (0.0, CONTRADICTED)])
    def test_an_effect_of_groups(self, effect: float, verdict: str) -> None:
        rows = pd.concat(
            [
                profile_rows(noisy(SHAPE * (1 + effect * place), 0.1), seeds=8, **{"class": str(place)})
                for place in range(4)
            ]
        )
        criteria = {"eta_squared": {"above": 0.14, "by": "estimate", "significance": 0.01}}
        assert verdicts(rows, entry("group_effect", criteria, value="mean", factor="class")) == [verdict]

    def test_the_more_sensitive_measure(self) -> None:
        rows = []
        for measure, change in (("nv", 0.5), ("anova", 0.02)):
            for level, size in (("augmented", 1 - change), ("not augmented", 1.0)):
                rows.append(
                    profile_rows(noisy(SHAPE * size, 0.05), seeds=8, measure=measure, augmented=level)
                )
        table = pd.concat(rows)
        for first, second, verdict in (("nv", "anova", SUPPORTED), ("anova", "nv", CONTRADICTED)):
            test = entry(
                "sensitivity",
                {"effect_difference": {"above": 0}},
                factor="augmented",
                first={"measure": first},
                second={"measure": second},
            )
            assert verdicts(table, test) == [verdict]

    def test_an_effect_is_that_of_cohen_averaged_over_layers(self) -> None:
        values = np.random.default_rng(0).normal(1, 0.1, (5, 2, 3))
        pooled = np.sqrt(values.var(axis=0, ddof=1).mean(axis=0))
        expected = np.mean(np.abs(values[:, 0].mean(axis=0) - values[:, 1].mean(axis=0)) / pooled)
        assert effect(values, np.arange(5)[None]) == pytest.approx([expected])
        assert np.isnan(effect(values, np.zeros((1, 5), dtype=int)))

    @pytest.mark.parametrize(("designed", "verdict"), [("nvse", SUPPORTED), ("nv", CONTRADICTED)])
    def test_variance_shares(self, designed: str, verdict: str) -> None:
        rows = []
        for measure in ("nv", "nvse"):
            for model in ("net", "other"):
                for one in ("rotation", "scale"):
                    by_model = measure == designed
                    large = model == "other" if by_model else one == "scale"
                    shape = SHAPE * (2 if large else 1)
                    rows.append(
                        profile_rows(noisy(shape, 0.05), measure=measure, model=model, trained_with=one)
                    )
        test = entry(
            "variance_shares",
            {"share_difference": {"above": 0}},
            cells=[],
            factor="model",
            first={"measure": "nvse"},
            second={"measure": "nv"},
        )
        assert verdicts(pd.concat(rows), test) == [verdict]

    def test_errors_of_few_samples(self) -> None:
        rows = pd.concat(
            [
                profile_rows(noisy(SHAPE * (1 + 2 / samples), 0), samples=samples, transformations=count)
                for samples in (4, 16, 64)
                for count in (8, 33)
            ]
        )
        # Profiles are 1 + 2 / samples times a shape: (1.125 - 1.03125) / (1.125 + 1.03125) of 16 samples.
        for samples, error, verdict in ((16, 0.0435, SUPPORTED), (4, 0.1852, CONTRADICTED)):
            row = judged(rows, entry("sample_error", {"error": {"below": 0.05}}, at=[samples, 32])).iloc[0]
            assert (row["verdict"], row["statistic"]) == (verdict, pytest.approx(error, abs=1e-4))
        assert verdicts(rows, entry("sample_error", {"error_trend": {"below": 0}})) == [SUPPORTED]
        missing = judged(rows, entry("sample_error", {"error": {"below": 0.05}}, at=[384, 384])).iloc[0]
        assert missing["verdict"] == NOT_RUN
        assert "no 384 samples and 384 transformations" in missing["reason"]


class TestRetraining:
    TEST = entry("disjoint_schemes", {"loss": {"above": -2}}, reference="all")

    @pytest.mark.parametrize(
        ("accuracies", "verdict", "pair"),
        [
            ({"conv": 95.5, "fc": 95.5, "all": 96}, SUPPORTED, "conv and fc"),
            ({"conv": 95.5, "fc": 90, "all": 96}, CONTRADICTED, "conv and fc"),
            # conv1 is a part of conv: the two are not disjoint.
            ({"conv": 95.5, "conv1": 95.5, "fc": 90, "all": 96}, CONTRADICTED, ""),
            ({"conv1": 95.5, "conv2": 96, "fc": 90, "all": 96}, SUPPORTED, "conv1 and conv2"),
        ],
    )
    def test_two_disjoint_schemes(self, accuracies: dict[str, float], verdict: str, pair: str) -> None:
        rows = pd.concat([accuracy_rows(mean, scheme=scheme) for scheme, mean in accuracies.items()])
        row = judged(rows, self.TEST).iloc[0]
        assert row["verdict"] == verdict
        assert pair in row["reason"]

    def test_networks_of_different_seeds_are_not_compared(self) -> None:
        rows = [
            accuracy_rows(90, scheme="all"),
            accuracy_rows(90, scheme="fc").assign(seed=lambda one: one["seed"] + 9),
        ]
        row = judged(pd.concat(rows), self.TEST).iloc[0]
        assert (row["verdict"], row["reason"]) == (NOT_RUN, "no seed has all of: all, fc")

    def test_layers_before_the_retrained_one_are_the_same(self) -> None:
        plain = profile_rows(noisy(spread=0.1))
        fallen = plain.assign(scheme="fc", retrained_with="rotation")
        fallen.loc[fallen["layer"].str.startswith("fc"), "mean"] *= 0.5
        test = entry("retrained_layers", {"largest_before": {"below": 1e-6}, "mean_from": {"below": 0}})
        assert verdicts(pd.concat([plain, fallen]), test) == [SUPPORTED, SUPPORTED]
        fallen.loc[fallen["layer"] == "conv1", "mean"] += 1e-3
        assert verdicts(pd.concat([plain, fallen]), test) == [CONTRADICTED, SUPPORTED]
