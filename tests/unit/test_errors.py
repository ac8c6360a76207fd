"""How mistakes are worded."""

from equivariance.errors import UserError, listed, unknown


def test_valid_names_come_nearest_first_and_the_rest_in_order() -> None:
    text = unknown("model", "simple_cnv", ["vgg16d", "all_conv", "simple_conv"])
    assert text == "unknown model 'simple_cnv'; valid: simple_conv, all_conv, vgg16d"


def test_every_valid_name_is_listed_once() -> None:
    names = [f"simple_conv_{variant}" for variant in ("bn", "k5", "k7", "relu")]
    valid = unknown("model", "simple_conv_k6", names).split("valid: ")[1].split(", ")
    assert sorted(valid) == sorted(names)


def test_it_says_when_nothing_is_valid() -> None:
    assert unknown("model", "x", []) == "unknown model 'x'; valid: (none)"


def test_a_user_error_is_its_text() -> None:
    assert str(UserError("give cpu or auto")) == "give cpu or auto"


def test_of_many_valid_names_the_nearest_are_listed_and_the_others_counted() -> None:
    text = unknown("model", "simple_cnv", ["vgg16d", "all_conv", "simple_conv"], most=2)
    assert text == "unknown model 'simple_cnv'; valid: simple_conv, all_conv and 1 more"


def test_as_many_names_as_are_listed_have_no_more() -> None:
    assert listed(["a", "b"], most=2) == "a, b"
    assert listed(["a", "b"], most=None) == "a, b"
    assert listed([]) == ""
