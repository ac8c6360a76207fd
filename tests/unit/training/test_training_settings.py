"""What determines a trained network."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equivariance.training.settings import TrainingSettings

Make = Callable[..., TrainingSettings]


def test_settings_come_back_from_json_as_they_were(make_settings: Make) -> None:
    settings = make_settings(savepoints=[0, 50], test_images=5, trained_layers=["fc*"])
    values = json.loads(json.dumps(settings.as_mapping()))
    assert TrainingSettings.from_mapping(values) == settings


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "digits"},
        {"settings": {"filters": 3, "hidden": 4}},
        {"optimizer": {"name": "adam", "learning_rate": 0.005, "weight_decay": 0.01}},
        {"optimizer": {"name": "adamw", "learning_rate": 0.005}},
        {"batch_size": 9},
        {"epochs": 4},
        {"trained_with": "other"},
        {"transformations": {"rotations": {"count": 5}}},
        {"seed": 1},
        {"images": 10},
        {"padding": "zeros"},
        {"savepoints": [0]},
        {"test_images": 5},
        {"task": "transformation_regression"},
        {"augmented": False},
        {"random_flips": True},
        {"trained_layers": ["fc*"]},
        {"threshold": 0.5},
        {"restarts": 1},
        {"precision": "bfloat16"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_is_in_the_digest(make_settings: Make, change: dict[str, Any]) -> None:
    assert make_settings(**change).digest("code") != make_settings().digest("code")


def test_the_digest_is_that_of_settings_and_code(make_settings: Make) -> None:
    assert make_settings().digest("code") == make_settings().digest("code")
    assert make_settings().digest("code") != make_settings().digest("other code")


def test_an_unknown_setting_is_an_error(make_settings: Make) -> None:
    with pytest.raises(TypeError, match="epoch"):
        make_settings(epoch=3)


@given(epochs=st.integers(0, 400), percents=st.sets(st.integers(0, 99)))
def test_savepoints_are_due_within_the_training_in_order_and_never_too_early(
    make_settings: Make, epochs: int, percents: set[int]
) -> None:
    due = make_settings(epochs=epochs, savepoints=sorted(percents)).savepoint_epochs()
    assert list(due) == sorted(percents)
    assert list(due.values()) == sorted(due.values())
    for percent, epoch in due.items():
        assert 0 <= epoch <= epochs
        assert percent * epochs <= 100 * epoch < percent * epochs + 100


def test_savepoints_of_few_epochs(make_settings: Make) -> None:
    due = make_settings(epochs=5, savepoints=[0, 1, 10, 20, 30, 50]).savepoint_epochs()
    assert due == {0: 0, 1: 1, 10: 1, 20: 1, 30: 2, 50: 3}
