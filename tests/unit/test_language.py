"""Readers see texts in their language: all are translated, with the placeholders of the English ones."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from equivariance import language as module
from equivariance.language import FOLDER, LANGUAGES, N_, _, language, ngettext

TRANSLATIONS = [code for code in LANGUAGES if code != "en"]


@pytest.fixture(scope="module")
def texts(root: Path) -> Catalog:
    """What the configuration of `make translations` finds, sorted as it sorts it."""
    with (root / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found, template = Catalog(), BytesIO()
    for _file, _line, text, _comments, _context in extract_from_dir(root, methods, options):
        found.add(text)
    write_po(template, found, sort_output=True)
    template.seek(0)
    return read_po(template)


def translations(code: str) -> Catalog:
    with (FOLDER / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def messages(code: str) -> list[Message]:
    return [message for message in translations(code) if message.id]


def pairs(message: Message) -> Iterator[tuple[str, str]]:
    """Each form of a translated text with the English one; forms of several are like the last."""
    english = message.id if isinstance(message.id, tuple) else (message.id,)
    translated = message.string if isinstance(message.string, tuple) else (message.string,)
    yield from zip([*english, *english[-1:] * len(translated)], translated, strict=False)


def fields(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """The placeholders of a text: name, format and conversion."""
    return sorted(field[1:] for field in Formatter().parse(text) if field[1] is not None)


def test_spanish_is_among_the_languages() -> None:
    assert LANGUAGES[0] == "en" and "es" in LANGUAGES


@pytest.mark.parametrize("code", TRANSLATIONS)
def test_texts_that_are_found_are_those_of_the_file_so_that_gathering_them_changes_nothing(
    code: str, texts: Catalog
) -> None:
    catalog, written = translations(code), BytesIO()
    assert {message.id for message in messages(code)} == {message.id for message in texts if message.id}
    assert not catalog.obsolete
    catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    write_po(written, catalog, ignore_obsolete=True)
    assert written.getvalue() == (FOLDER / f"{code}.po").read_bytes()


@pytest.mark.parametrize("code", TRANSLATIONS)
def test_every_text_is_translated(code: str) -> None:
    found = messages(code)
    assert len(found) > 500
    assert [one.id for one in found if one.fuzzy] == []
    assert [english for one in found for english, translated in pairs(one) if not translated.strip()] == []


@pytest.mark.parametrize("code", TRANSLATIONS)
def test_translations_have_the_placeholders_of_the_text_and_can_be_filled(code: str) -> None:
    for message in messages(code):
        for english, translated in pairs(message):
            assert fields(translated) == fields(english), english
            names = [field[0] for field in fields(english)]
            filled = translated.format(*names, **{str(name): 1234 for name in names})
            assert "{" not in filled, english


@pytest.mark.parametrize("code", TRANSLATIONS)
def test_a_translation_is_a_sentence_or_a_question_where_its_text_is_one(code: str) -> None:
    for message in messages(code):
        for english, translated in pairs(message):
            assert translated == translated.strip()
            assert english.endswith((".", "?", ":")) == translated.endswith((".", "?", ":")), english
            assert ("¿" in translated) == (code == "es" and "?" in english), english


def test_english_stays_as_it_is() -> None:
    assert (_("digits"), _("no text of ours"), _("")) == ("digits", "no text of ours", "")
    assert N_("digits") == "digits"
    with language("es"), language("en"):
        assert _("digits") == "digits"
    assert [ngettext("seed", "seeds", count) for count in (0, 1, 2)] == ["seeds", "seed", "seeds"]


def test_texts_are_in_the_language_of_the_context() -> None:
    with language("es"):
        assert (_("digits"), _("no text of ours"), _("")) == ("dígitos", "no text of ours", "")
    assert _("digits") == "digits"


def test_an_error_leaves_the_language_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), language("es"):
        1 / 0  # noqa: B018
    assert _("digits") == "digits"


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(KeyError, match="xx"), language("xx"):
        pass
    assert _("digits") == "digits"


def test_plurals_are_those_of_the_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="pl")
    catalog.add(("one seed", "{} seeds"), ("nasiono", "{} nasiona", "{} nasion"))
    with (tmp_path / "pl.po").open("wb") as file:
        write_po(file, catalog)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "LANGUAGES", ("en", "pl"))
    with language("pl"):
        found = [ngettext("one seed", "{} seeds", count) for count in (1, 2, 5)]
    module._catalog.cache_clear()
    assert found == ["nasiono", "{} nasiona", "{} nasion"]
