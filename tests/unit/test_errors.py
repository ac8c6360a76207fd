"""How mistakes are worded."""

from equivariance.errors import UserError, unknown


def test_valid_names_come_nearest_first_and_the_rest_in_order() -> None:
    text = unknown("model", "simple_cnv", ["vgg16d", "all_conv", "simple_conv"])
    assert text == "unknown model 'simple_cnv'; valid: simple_conv, all_conv, vgg16d"


def test_every_valid_name_is_listed_once() -> None:
    names = [f"simple_conv_{variant}" for variant in ("bn", "k5", "k7", "relu")]
    listed = unknown("model", "simple_conv_k6", names).split("valid: ")[1].split(", ")
    assert sorted(listed) == sorted(names)


def test_it_says_when_nothing_is_valid() -> None:
    assert unknown("model", "x", []) == "unknown model 'x'; valid: (none)"


def test_a_user_error_is_its_text() -> None:
    assert str(UserError("give cpu or auto")) == "give cpu or auto"
