"""Judging of claims: what any kind of test has in common, and how rows become one verdict."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))
from made_tables import JUDGING, NAMES, accuracy_rows, entry, judged, noisy, profile_rows
from scipy.stats import combine_pvalues
from statsmodels.stats.multitest import multipletests

from equivariance.analysis.claims.columns import COLUMNS
from equivariance.analysis.claims.conclusions import conclusions, position, row_number
from equivariance.analysis.claims.estimates import Bound, Estimate, interval_text, verdict
from equivariance.analysis.claims.judging import corrected, judge
from equivariance.analysis.claims.reading import read_claims
from equivariance.errors import UserError

STABLE = entry("seed_stability", {"distance_within": {"below": 0.1}}, cells=["dataset", "measured_with"])
ABOVE = entry("difference", {"mean": {"above": 50}}, value="accuracy", cells=["dataset", "model"])


class TestRows:
    def test_a_row_for_each_cell_in_the_order_of_the_configuration(self) -> None:
        rows = [
            profile_rows(noisy(), dataset=dataset, measured_with=one)
            for dataset in ("cifar10", "mnist")
            for one in ("scale", "rotation")
        ]
        table = judged(pd.concat(rows), STABLE)
        assert tuple(table.columns) == COLUMNS
        names = [f"{dataset}, {one}" for dataset in ("MNIST", "CIFAR10") for one in ("rotations", "scales")]
        assert table["cell"].tolist() == names
        assert table["seeds"].tolist() == [6] * 4

    @pytest.mark.parametrize(("seeds", "reason"), [(1, "1 seed; 5 are needed"), (4, "4 seeds; 5 are needed")])
    def test_few_seeds_decide_nothing(self, seeds: int, reason: str) -> None:
        row = judged(profile_rows(noisy(), seeds=seeds), STABLE).iloc[0]
        assert (row["verdict"], row["reason"]) == ("undecided", reason)
        assert np.isnan(row["statistic"]) == (seeds == 1)

    def test_a_missing_experiment_is_named(self) -> None:
        row = judged(profile_rows(noisy()), STABLE | {"experiments": ["made", "lost"]}).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not run", "the run has no experiment lost")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"measures": ["nv", "nvse"]}, "no values of the measure nvse"),
            ({"where": {"model": "vgg"}}, "no network with model: vgg"),
            ({"where": {"model": ["net", "vgg"]}}, "no network with model: vgg"),
            ({"where": {"tested_with": "none"}}, "the table has no column tested_with"),
            (
                {"test": "factor_ratio", "criteria": {"factor_ratio": {}}, "factor": "model"},
                "only net for model; a second one is needed",
            ),
            (
                {"test": "difference", "criteria": {"mean": {}}, "value": "global_layer_mean"},
                "the table has no column global_layer_mean",
            ),
        ],
    )
    def test_what_a_test_lacks_is_named(self, change: dict, reason: str) -> None:
        row = judged(profile_rows(noisy()), STABLE | change).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not run", reason)

    def test_a_missing_cell_that_is_listed_is_not_run_and_named(self) -> None:
        table = judged(accuracy_rows(90), ABOVE | {"where": {"model": ["net", "vgg"]}})
        assert dict(zip(table["cell"], table["verdict"], strict=True)) == {
            "vgg": "not run",
            "MNIST, net": "supported",
        }

    def test_a_data_set_without_networks_is_not_run(self) -> None:
        table = judged(accuracy_rows(90, dataset="digits"), ABOVE, datasets=("mnist", "cifar10"))
        assert table["verdict"].tolist() == ["supported", "not run"]
        assert table["cell"].tolist()[1] == "CIFAR10"
        assert table["reason"].tolist()[1] == "nothing was run on CIFAR10, nor on a stand-in for it"

    def test_a_row_of_stand_in_data_says_so(self) -> None:
        rows = pd.concat([accuracy_rows(90, dataset="digits"), accuracy_rows(90, dataset="cifar10")])
        table = judged(rows, ABOVE)
        assert dict(zip(table["dataset"], table["stand_in"], strict=True)) == {
            "cifar10": "",
            "digits": "digits for MNIST",
        }

    @settings(max_examples=10, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_matter(self, random) -> None:
        tests = (
            STABLE,
            entry(
                "factor_ratio", {"factor_ratio": {"above": 1, "significance": 0.05}}, factor="measured_with"
            ),
            entry(
                "difference",
                {"difference": {"above": 0, "significance": 0.05}},
                value="mean",
                first={"measured_with": "scale"},
                second={"measured_with": "rotation"},
            ),
        )
        rows = pd.concat(
            [profile_rows(noisy(), measured_with=one) for one in ("rotation", "scale")], ignore_index=True
        )
        order = list(range(len(rows)))
        random.shuffle(order)
        pd.testing.assert_frame_equal(judged(rows.iloc[order], *tests), judged(rows, *tests))

    def test_a_table_that_is_written_is_read_again(self, tmp_path: Path) -> None:
        table = judged(profile_rows(noisy()), STABLE, STABLE | {"experiments": ["lost"]})
        table.to_csv(tmp_path / "claims.csv", index=False)
        pd.testing.assert_frame_equal(read_claims(tmp_path / "claims.csv"), table, check_dtype=False)
        table[["claim"]].to_csv(tmp_path / "claims.csv", index=False)
        with pytest.raises(UserError, match="lacks the columns cell, dataset"):
            read_claims(tmp_path / "claims.csv")


def test_p_is_corrected_over_claims_as_statsmodels_does_it() -> None:
    rows = pd.DataFrame({"claim": ["A", "A", "B", "C", "D"], "p": [0.01, 0.02, 0.03, 0.005, np.nan]})
    rows = rows.assign(**{name: "above" for name in COLUMNS if name not in rows and name != "p_holm"})
    found = corrected(rows)["p_holm"]
    expected = multipletests([combine_pvalues([0.01, 0.02]).pvalue, 0.03, 0.005], method="holm")[1]
    assert found.tolist()[:4] == pytest.approx([expected[0], expected[0], expected[1], expected[2]])
    assert np.isnan(found[4])


class TestVerdicts:
    @pytest.mark.parametrize(
        ("statistic", "low", "high", "bound", "expected"),
        [
            (2.0, 1.6, 2.4, Bound("above", 1.5), "supported"),
            (2.0, 1.4, 2.4, Bound("above", 1.5), "undecided"),
            (1.0, 0.8, 1.2, Bound("above", 1.5), "contradicted"),
            (1.0, 0.8, 1.2, Bound("below", 1.5), "supported"),
            (0.0, -1.0, 1.0, Bound("within", 2), "supported"),
            (0.0, -3.0, 3.0, Bound("within", 2), "undecided"),
            (4.0, 3.0, 5.0, Bound("within", 2), "contradicted"),
            (-4.0, -5.0, -3.0, Bound("within", 2), "contradicted"),
            (2.0, 1.4, 2.4, Bound("above", 1.5, by="estimate"), "supported"),
            (2.0, 1.6, 2.4, Bound("above", 1.5, significance=0.01), "undecided"),
            (2.0, 1.6, 2.4, None, "reported"),
        ],
    )
    def test_verdict(
        self, statistic: float, low: float, high: float, bound: Bound | None, expected: str
    ) -> None:
        found = Estimate("difference", statistic, low, high, seeds=5, p=0.02)
        assert verdict(found, bound, needed=5)[0] == expected
        if bound:
            few = Estimate("difference", statistic, low, high, seeds=4, p=0.02)
            assert verdict(few, bound, needed=5)[0] == "undecided"

    @given(
        st.tuples(*[st.floats(-10, 10)] * 3).map(sorted),
        st.floats(-10, 10),
        st.sampled_from(["above", "below"]),
    )
    def test_a_claim_and_its_opposite_never_both_hold(
        self, numbers, threshold: float, direction: str
    ) -> None:
        low, statistic, high = numbers
        found = Estimate("difference", statistic, low, high, seeds=9)
        opposite = {"above": "below", "below": "above"}[direction]
        both = [verdict(found, Bound(one, threshold), 5)[0] for one in (direction, opposite)]
        assert sorted(both) in (["contradicted", "supported"], ["undecided", "undecided"])

    def test_numbers_for_a_reader(self) -> None:
        assert interval_text(0.97, 0.95, 0.99) == "0.97 [0.95, 0.99]"
        assert interval_text(0.00012, np.nan, np.nan) == "0.00012"
        assert interval_text(np.nan, np.nan, np.nan) == "–"


class TestConclusions:
    def concluded(self, *means: float, test: dict | None = None, **columns: object) -> pd.Series:
        rows = [accuracy_rows(mean, model=f"net{place}", **columns) for place, mean in enumerate(means)]
        return conclusions(
            judged(pd.concat(rows), test or ABOVE, datasets=("mnist",)),
            {"C1": {"statement": "Networks are good."}},
        ).iloc[0]

    @pytest.mark.parametrize(
        ("means", "expected", "cell"),
        [
            ((60, 70), "supported", "MNIST, net0"),
            ((60, 50), "undecided", "MNIST, net1"),
            ((60, 50, 40), "contradicted", "MNIST, net2"),
        ],
    )
    def test_a_verdict_of_all_cells(self, means: tuple[float, ...], expected: str, cell: str) -> None:
        row = self.concluded(*means)
        assert (row["verdict"], row["cell"], row["judged"]) == (expected, cell, len(means))
        assert row["supported"] == sum(mean > 55 for mean in means)
        assert row["tests"] == f"{row['supported']} of {len(means)}"

    def test_nothing_judged_is_not_run_with_its_reason(self) -> None:
        row = self.concluded(60, test=ABOVE | {"experiments": ["lost"]})
        assert (row["verdict"], row["number"], row["tests"]) == ("not run", "–", "")
        assert row["reason"] == "the run has no experiment lost"

    def test_what_is_not_run_does_not_hinder_and_is_said(self) -> None:
        row = self.concluded(60, test=ABOVE | {"where": {"model": ["net0", "vgg"]}})
        assert (row["verdict"], row["reason"]) == ("supported", "not run: vgg")

    def test_without_thresholds_a_claim_is_reported(self) -> None:
        row = self.concluded(60, test=ABOVE | {"criteria": {"mean": {}}})
        assert row["verdict"] == "reported"
        assert row["number"] == "59.97 [59.68, 60.18]"

    def test_the_number_has_its_interval_and_threshold(self) -> None:
        row = pd.Series(
            {"statistic": 0.97, "low": 0.95, "high": 0.99, "direction": "above", "threshold": 0.9}
        )
        assert row_number(row) == "0.97 [0.95, 0.99] > 0.90"
        assert position(row) == pytest.approx(0.07 / 0.02)

    def test_stand_ins_are_said(self) -> None:
        assert self.concluded(60, dataset="digits")["stand_in"] == "digits for MNIST"

    def test_p_after_the_correction_has_to_be_small_too(self) -> None:
        rows = pd.concat([accuracy_rows(60, model="one"), accuracy_rows(50, model="two")])
        test = entry(
            "difference",
            {"difference": {"above": 0, "significance": 0.01}},
            value="accuracy",
            first={"model": "one"},
            second={"model": "two"},
        )
        # Of one claim p is 1 / 924; of twelve, twelve times that.
        for number, expected in ((1, "supported"), (12, "undecided")):
            claims = {
                f"C{place}": {"tests": [test], "datasets": [], "statement": ""} for place in range(number)
            }
            table = judge(claims, {"made": rows}, NAMES, JUDGING)
            assert set(table["verdict"]) == {"supported"}
            found = conclusions(table, claims)
            assert set(found["verdict"]) == {expected}
        assert "after Holm's correction" in found["reason"].iloc[0]
