"""What the paper says is what the tables say."""

import numpy as np
import pandas as pd
from synthetic_tables import LABELS, accuracies, entry, profiles, retrained, sized

from equivariance.analysis.image_grids import Grid
from equivariance.workflow.paper import Entry, content, dataset_table, flat

STAND_INS = {"digits": "MNIST", "mnist": ""}
SUMMARY = {
    "name": "digits",
    "source": "bundled",
    "stand_in_for": "MNIST",
    "copies": False,
    "image_shape": [1, 16, 16],
    "classes": list("0123456789"),
    "train": {"images": 1437},
    "test": {"images": 360},
}


CONCLUSIONS = pd.DataFrame(
    {
        "claim": ["C1", "C2", "C3"],
        "statement": ["One.", "Two.", "Three."],
        "verdict": ["supported", "contradicted", "not run"],
        "criterion": ["ratio", "ratio", ""],
        "number": ["R 1.02 [0.98, 1.06], below 1.5", "R 2", "–"],
        "tests": ["3 of 3", "0 of 2", ""],
        "reason": [np.nan, np.nan, "too few seeds: 1, needed: 5"],
        "stand_in": [True, False, False],
    }
)
CLAIMS = {
    "C1": {"tests": [{"experiments": ["first"]}, {"experiments": ["first", "second"]}]},
    "C2": {"tests": [{"experiments": ["second"]}]},
    "C3": {"tests": [{"experiments": ["second_of_another_name"]}]},
}


def said(*entries: Entry, left_out: dict[str, str] | None = None, summary=SUMMARY, **tables):
    return content(
        "quick",
        entries,
        LABELS,
        STAND_INS,
        [summary],
        {"seeds": {"few": 3}, "images": None},
        {"numpy": "2.4.6"},
        left_out,
        **tables,
    )


def test_chapters_come_in_the_order_of_the_entries() -> None:
    one, other = entry("layer_profile"), entry("bars", x="trained_with", hue="tested_with")
    result = said(
        Entry({**one, "name": "a", "chapter": "First"}, profiles(), "a.pdf"),
        Entry({**other, "name": "b", "chapter": "Second"}, accuracies(), "b.pdf"),
        Entry({**one, "name": "c", "chapter": "First"}, profiles(seeds=5), "c.pdf"),
    )
    assert [(c["title"], [s["name"] for s in c["sections"]]) for c in result["chapters"]] == [
        ("First", ["a", "c"]), ("Second", ["b"]),
    ]  # fmt: skip


def test_the_abstract_counts_each_network_once() -> None:
    result = said(
        Entry(entry("layer_profile"), profiles(seeds=3), "a.pdf"),
        Entry(
            entry("bars", x="trained_with", hue="tested_with"),
            accuracies(sets=("none", "rotation"), seeds=2),
            "b.pdf",
        ),
    )["abstract"]
    assert result["networks"] == 3 + 2
    assert result["measurements"] == 3
    assert result["seeds"] == "2 to 3"
    assert result["trained"] == "trained with 1 set of transformations and trained without transformations"
    assert result["datasets"] == "Digits"


def test_the_abstract_counts_retrained_networks_as_networks() -> None:
    data = retrained(accuracies(sets=("none",), seeds=2), ("conv1", "all"))
    mapping = entry("bars", x="scheme", hue="tested_with")
    result = said(Entry(mapping, data, "a.pdf"))
    assert result["abstract"]["networks"] == 2 * 3
    assert result["abstract"]["seeds"] == "2"
    assert result["abstract"]["trained"] == (
        "trained without transformations and retrained with some layers frozen"
    )
    assert result["networks"]["rows"] == [
        ["Digits", "SimpleConv", "untransformed; untransformed, then rotations (conv1, all)", "0–1"],
    ]


def test_experiments_that_the_run_lacks_are_named_with_the_reason() -> None:
    one = Entry(entry("layer_profile"), profiles(), "a.pdf")
    assert said(one)["left_out"] == []
    assert said(one, left_out={"Transfer": "no weights"})["left_out"] == [
        {"title": "Transfer", "reason": "no weights"}
    ]


def test_stand_ins_and_data_sets_of_the_run_are_named() -> None:
    result = said(Entry(entry("layer_profile"), profiles(), "a.pdf"))
    assert result["stand_ins"] == [{"name": "Digits", "stands_for": "MNIST"}]
    row = ["Digits", "1 × 16 × 16", "10", "1,437", "360", "stand-in for MNIST", "bundled"]
    assert result["datasets"]["rows"] == [row]
    assert said(Entry(entry("layer_profile"), profiles(("mnist",)), "a.pdf"))["stand_ins"] == []


def test_copies_of_the_published_images_are_named() -> None:
    row = dataset_table([SUMMARY | {"stand_in_for": "", "copies": True}], LABELS)["rows"][0]
    assert row[5] == "copies"
    row = dataset_table([SUMMARY | {"stand_in_for": ""}], LABELS)["rows"][0]
    assert row[5] == "as published"
    profile = Entry(entry("layer_profile"), profiles(), "a.pdf")
    assert said(profile)["copies"] == []
    assert said(profile, summary=SUMMARY | {"copies": True})["copies"] == ["Digits"]


def test_the_networks_are_listed_with_their_seeds() -> None:
    gap = profiles(seeds=5)
    result = said(Entry(entry("layer_profile"), gap[gap["seed"] != 3], "a.pdf"))
    assert result["networks"]["rows"] == [["Digits", "SimpleConv", "rotations", "0–2, 4"]]


def test_images_have_a_section_without_numbers() -> None:
    grid = Grid("digits", "rotation", np.zeros((1, 1, 1, 4, 4), np.float32))
    (section,) = said(Entry(entry("image_grid"), [grid], "a.pdf"))["chapters"][0]["sections"]
    assert section["table"] is None and section["file"] is None and section["answer"] == ""
    assert "Images of Digits" in section["caption"]


def test_sections_have_an_answer_a_compact_table_and_the_path_of_all_numbers() -> None:
    (section,) = said(Entry(entry("layer_profile"), profiles(), "a.pdf"))["chapters"][0]["sections"]
    assert section["answer"].startswith("Along the network, NV is smallest at log_softmax (0.220)")
    assert section["table"]["columns"] == ["mean over layers", "last layer", "accuracy (%)"]
    assert section["file"] == "results/quick/tables/trial.csv"


def test_a_figure_that_prints_its_numbers_has_an_answer_and_no_table() -> None:
    data = Entry(entry("relative_error_map"), sized(profiles()), "a.pdf")
    (section,) = said(data)["chapters"][0]["sections"]
    assert section["table"] is None and section["answer"] and section["file"]


def test_conclusions_are_all_there_in_their_order_and_lack_nothing() -> None:
    result = said(Entry(entry("layer_profile"), profiles(), "a.pdf"), claims=CLAIMS, conclusions=CONCLUSIONS)
    assert [one["claim"] for one in result["conclusions"]] == ["C1", "C2", "C3"]
    assert result["conclusions"][2] == {
        "claim": "C3", "statement": "Three.", "verdict": "not run", "criterion": "", "number": "",
        "tests": "", "reason": "too few seeds: 1, needed: 5", "stand_in": False,
    }  # fmt: skip
    assert [one["tests"] for one in result["conclusions"]] == ["3 of 3", "0 of 2", ""]
    assert said(Entry(entry("layer_profile"), profiles(), "a.pdf"))["conclusions"] == []


def test_experiments_show_the_conclusions_that_read_them() -> None:
    one = entry("layer_profile")
    entries = [Entry({**one, "name": name}, profiles(), "a.pdf") for name in ("first", "second", "third")]
    (chapter,) = said(*entries, claims=CLAIMS, conclusions=CONCLUSIONS)["chapters"]
    found = [[claim["claim"] for claim in section["claims"]] for section in chapter["sections"]]
    assert found == [["C1"], ["C1", "C2"], []]


def test_published_numbers_are_counted_and_none_is_left_out() -> None:
    published = pd.DataFrame(
        {
            "quantity": ["retraining", "retraining", "retraining", "global_nv", "global_nv"],
            "within": ["yes", "no", "missing", "not comparable", "not comparable"],
            "difference": [-0.01, -0.03, np.nan, 0.5, 0.5],
        }
    )
    table = said(Entry(entry("layer_profile"), profiles(), "a.pdf"), published=published)["published"]
    assert table["rows"] == [
        ["accuracy, retraining", "3", "1", "1", "0", "1", "−0.020"],
        ["NV of whole networks", "2", "0", "0", "2", "0", "–"],
    ]
    assert table["file"] == "results/quick/tables/published.csv"
    assert said(Entry(entry("layer_profile"), profiles(), "a.pdf"))["published"] is None


def test_settings_are_written_out() -> None:
    assert flat({"a": {"b": [1, 2], "c": None}, "d": 0.5}) == [("a.b", "1, 2"), ("a.c", "none"), ("d", "0.5")]
