"""Which of the layers of a network are measured: what is asked for, by name or pattern, less what is not."""

from collections.abc import Collection, Iterable, Sequence

from equivariance.errors import UserError, unknown
from equivariance.measures.survey import Survey, matching

LISTED = 10  # names in a text


def name_list(option: str, given: str | Collection[str] | None) -> list[str] | None:
    """One name or pattern as a list of one. Raises UserError for what is no name."""
    if given is None or isinstance(given, str):
        return None if given is None else [given]
    found = list(given) if isinstance(given, Iterable) and not isinstance(given, bytes) else [given]
    for name in found:
        if not isinstance(name, str):
            raise UserError(f"{option}: a {type(name).__name__}; needed: the name of a layer")
    return found


def selected(survey: Survey, layers: Sequence[str] | None, exclude: Sequence[str]) -> list[str]:
    """Name the calls to measure, in the order of execution.

    A name in `layers` is a module with all of its calls, or one of these (`relu:2`); a pattern (`layer1.*`)
    stands for the default layers that it fits, or, where it fits none, for modules with children. A name in
    `exclude` is a module with all that is in it. Raises UserError for what is no layer, and where nothing is
    left.
    """
    places, defaults = survey.places, set(survey.defaults)
    chosen = defaults if layers is None else {call for name in layers for call in _calls(survey, name)}
    for pattern in exclude:
        inside = [
            call
            for call, place in places.items()
            if pattern in (call, place.module) or place.module.startswith(f"{pattern}.")
        ] or _fitting(survey, pattern, places)
        if not inside and pattern not in survey.reasons:
            raise UserError(
                f"exclude: {unknown('layer', pattern, {place.module for place in places.values()}, LISTED)}"
            )
        chosen = chosen - {*inside}
    if not chosen and (layers is not None or defaults):
        raise UserError("no layer is left to measure: all are excluded")
    if not chosen:
        left_out = [f"{name} {reason}" for name, reason in survey.left_out.items()]
        raise UserError(f"no layer is left to measure{': ' if left_out else ''}{'; '.join(left_out[:5])}")
    return [call for call in places if call in chosen]


def _calls(survey: Survey, name: str) -> list[str]:
    places = survey.places
    found = [call for call, place in places.items() if name in (call, place.module)]
    if found:
        return found
    if name in survey.reasons:
        raise UserError(f"layer {name!r} {survey.reasons[name]}; choose other layers")
    found = _fitting(survey, name, survey.defaults) or _fitting(survey, name, places)
    if not found:
        if name in survey.others:
            raise UserError(f"layer {name!r} is another name of {survey.others[name]!r}; use that name")
        raise UserError(unknown("layer", name, {place.module for place in places.values()}, LISTED))
    return found


def _fitting(survey: Survey, pattern: str, calls: Collection[str]) -> list[str]:
    return [call for call in calls if matching(pattern, (call, survey.places[call].module))]
