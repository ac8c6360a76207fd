"""Reading a configuration against a schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equivariance.workflow.validation import inherit, merge, non_text_keys, validate

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "Who it is."},
        "kind": {"$ref": "#/$defs/kind"},
        "rate": {"type": "number", "description": "How fast."},
        "inner": {
            "type": "object",
            "default": {},
            "properties": {"size": {"type": "integer", "default": 3, "minimum": 1}},
        },
    },
    "$defs": {"kind": {"enum": ["adam", "adamw"], "default": "adamw", "description": "Which one."}},
}
JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda children: st.dictionaries(st.text(max_size=2), children, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.text(max_size=2), JSON, max_size=3)


def mistakes(section: dict) -> list[str]:
    return validate(section, SCHEMA, ("part",), {})[0]


def test_defaults_are_put_in_at_every_depth_and_through_references() -> None:
    section = {"name": "a"}
    assert validate(section, SCHEMA, (), {}) == ([], [])
    assert section == {"name": "a", "kind": "adamw", "inner": {"size": 3}}


def test_defaults_are_not_shared() -> None:
    first, second = {"name": "a"}, {"name": "b"}
    validate(first, SCHEMA, (), {})
    validate(second, SCHEMA, (), {})
    first["inner"]["size"] = 7  # type: ignore[index]
    assert second["inner"] == {"size": 3}


def test_an_unknown_key_is_reported_with_the_nearest_name_and_taken_out() -> None:
    section = {"nmae": 1, "name": "a"}
    assert mistakes(section) == ["part: unknown key 'nmae'; valid: name, inner, kind, rate"]
    assert "nmae" not in section


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({}, "part: 'name' is a required property"),
        ({"name": 3}, "part.name: 3 is not of type 'string' (Who it is)"),
        ({"name": "a", "kind": "adamv"}, "part.kind: unknown value 'adamv'; valid: adam, adamw (Which one)"),
        ({"name": "a", "inner": {"size": 0}}, "part.inner.size: 0 is less than the minimum of 1"),
    ],
)
def test_a_mistake_says_where_what_and_what_it_is_about(section: dict, text: str) -> None:
    assert mistakes(section) == [text]


def test_a_number_that_yaml_reads_as_text_is_explained() -> None:
    [text] = mistakes({"name": "a", "rate": "5e-4"})
    assert "5.0e-4" in text
    [text] = mistakes({"name": "a", "rate": "fast"})
    assert "5.0e-4" not in text


def test_every_mistake_is_reported() -> None:
    assert len(mistakes({"name": 3, "kind": "x", "rate": "y", "inner": {"size": "z"}, "more": 1})) == 5


def test_what_an_entry_takes_over_is_reported_at_its_parent_alone() -> None:
    schema = {"additionalProperties": SCHEMA, "$defs": SCHEMA["$defs"]}
    section = {"a": {"name": 3}, "b": {"name": 3}, "c": {"name": 3, "rate": "x"}, "d": {"name": 4}}
    found, unreadable = validate(section, schema, (), {"b": "a", "c": "b", "d": "a"})
    assert [text.split(":")[0] for text in found] == ["a.name", "c.rate", "d.name"]
    assert {place[0] for place in unreadable} == {"a", "b", "c", "d"}


def test_like_takes_all_of_another_model_and_changes_what_is_given() -> None:
    models = {
        "grandchild": {"like": "child", "settings": {"c": 3}},
        "child": {"like": "parent", "title": "child", "settings": {"b": 2}},
        "parent": {"title": "parent", "settings": {"a": 1, "b": 1}},
    }
    wrong: list[str] = []
    written = inherit(models, wrong)
    assert wrong == []
    assert written["grandchild"] == {"title": "child", "settings": {"a": 1, "b": 2, "c": 3}}
    assert list(written) == list(models)
    written["child"]["settings"]["a"] = 9
    assert models["parent"]["settings"] == {"a": 1, "b": 1}


@pytest.mark.parametrize("like", ["simple_cnv", 5, None, ["simple_conv"], {"a": 1}])
def test_like_that_leads_nowhere_is_reported_once_and_the_models_are_left_out(like: object) -> None:
    wrong: list[str] = []
    written = inherit({"simple_conv": {}, "a": {"like": like}, "b": {"like": "a"}}, wrong)
    assert wrong == [f"models.a.like: unknown model {str(like)!r}; valid: {wrong[0].split('valid: ')[1]}"]
    assert list(written) == ["simple_conv"]


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_like_in_a_circle_is_reported(links: dict[str, str]) -> None:
    wrong: list[str] = []
    assert inherit({name: {"like": parent} for name, parent in links.items()}, wrong) == {}
    assert all("goes in a circle: " in text for text in wrong)
    assert len(wrong) == len(links)


@pytest.mark.parametrize("parent", [None, 3, "text", [1]])
def test_like_of_a_model_that_is_no_mapping_waits_for_the_schema(parent: object) -> None:
    wrong: list[str] = []
    assert inherit({"a": parent, "b": {"like": "a", "x": 1}}, wrong) == {"a": parent, "b": {"x": 1}}
    assert wrong == []


def test_keys_that_yaml_makes_of_bare_words_and_numbers_are_reported() -> None:
    found = list(non_text_keys({"models": {False: {}, "a": [{3: 1}]}, "x": {"y": 1}}))
    assert [text.split(" is not text")[0] for text in found] == [
        "models: the key False",
        "models.a.0: the key 3",
    ]


@given(MAPPINGS, MAPPINGS)
def test_merging_is_right_where_the_second_says_something_and_leaves_the_rest(a: dict, b: dict) -> None:
    def check(merged: dict, first: dict, second: dict) -> None:
        assert set(merged) == set(first) | set(second)
        for key, value in merged.items():
            if key not in second:
                assert value == first[key]
            elif isinstance(second[key], dict) and isinstance(first.get(key), dict):
                check(value, first[key], second[key])
            else:
                assert value == second[key]

    check(merge(merge({}, a), b), a, b)
