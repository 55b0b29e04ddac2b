"""The languages of the interface: which one a request gets, its messages, dates, numbers and lists.

Pure: no request. Catalogues are read as ``translations/<code>.po`` once a process (15 ms), so there is
nothing to compile and nothing that grows stale. ``make messages`` brings new messages into them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from gettext import NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

TRANSLATIONS = Path(__file__).parent / "translations"


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the interface.

    ``code`` is that of ``?lang=`` and of labels in the data, ``tag`` the BCP 47 tag of the page, ``locale``
    that of Babel; ``fallback`` are the languages of labels in the order in which its readers want them.
    """

    code: str
    tag: str
    locale: str
    name: str
    fallback: tuple[str, ...]


ENGLISH = Language("en", "en", "en_GB", "English", ("en", "zh", "ja"))
CHINESE = Language("zh", "zh-Hans", "zh_Hans", "简体中文", ("zh", "en", "ja"))
JAPANESE = Language("ja", "ja", "ja", "日本語", ("ja", "en", "zh"))
LANGUAGES = (ENGLISH, CHINESE, JAPANESE)


def find_language(tag: str | None) -> Language | None:
    """Return the language of a BCP 47 tag by its primary subtag, or None (RFC 4647, section 3.4).

    >>> find_language("zh-TW").name, find_language("fr")
    ('简体中文', None)
    """
    primary = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return next((language for language in LANGUAGES if language.code == primary), None)


def choose_language(parameter: str | None, cookie: str | None, accept: str | None) -> Language:
    """Return the language of a request: what it names, what was named before, what its browser prefers.

    Parameters
    ----------
    parameter, cookie: a language tag; one that is not offered is passed over.
    accept: the value of ``Accept-Language`` (RFC 9110, section 12.5.4).

    >>> choose_language(None, None, "fr, ja;q=0.8, en;q=0.5").code
    'ja'
    """
    return find_language(parameter) or find_language(cookie) or _prefer(accept or "") or ENGLISH


def _prefer(accept: str) -> Language | None:
    rated = []
    for position, part in enumerate(accept.split(",")):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        language = find_language(tag)
        quality = _find_weight(parameters)
        if language is not None and quality > 0:
            rated.append((-quality, position, language))
    return min(rated, key=lambda item: item[:2])[2] if rated else None


def _find_weight(parameters: list[str]) -> float:
    given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0


def N_(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


class Interface:
    """Words, dates, numbers and lists in one language.

    Parameters
    ----------
    language: what it speaks.
    catalogue: its messages; those of the code are English.
    """

    def __init__(self, language: Language, catalogue: NullTranslations) -> None:
        self.language = language
        self.catalogue = catalogue

    def gettext(self, message: str, **values: object) -> str:
        """Return a message in this language, with its ``%(name)s`` filled in.

        >>> open_interface("ja").gettext("Vocabulary")
        '語彙'
        """
        translated = self.catalogue.gettext(message)
        return translated % values if values else translated

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return a message that goes with a number, which fills in ``%(num)s``."""
        return self.catalogue.ngettext(one, many, number) % {"num": self.number(number), **values}

    def number(self, value: int) -> str:
        """Return a number with the separators of this language.

        >>> open_interface("en").number(1234567)
        '1,234,567'
        """
        return _format_number(value, self.language.locale)

    def date(self, text: str) -> str:
        """Return an ISO 8601 date or the date of a timestamp in words, and any other text as it is.

        >>> [open_interface(code).date("2021-10-28") for code in ("en", "zh", "ja")]
        ['28 October 2021', '2021年10月28日', '2021年10月28日']
        """
        return _format_date(text, self.language.locale)

    def name_language(self, tag: str) -> str:
        """Return the name of a language, or its tag where there is none.

        >>> [open_interface(code).name_language("ja") for code in ("en", "zh", "ja")]
        ['Japanese', '日语', '日本語']
        """
        return _name_language(tag, self.language.locale)

    def list(self, parts: Iterable[str]) -> str:
        """Return an enumeration.

        >>> [open_interface(code).list(["A", "B", "C"]) for code in ("en", "zh", "ja")]
        ['A, B and C', 'A、B和C', 'A、B、C']
        """
        return _format_list(tuple(parts), self.language.locale)


# Babel takes some 50 µs for each, and a page shows the same few dozens of times.


@lru_cache(maxsize=1024)
def _format_number(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=1024)
def _format_date(text: str, locale: str) -> str:
    try:
        return format_date(date.fromisoformat(text[:10]), "long", locale=locale)
    except ValueError:
        return text


@lru_cache(maxsize=1024)
def _name_language(tag: str, locale: str) -> str:
    names = Locale.parse(locale).languages
    return names.get(tag) or names.get(tag.partition("-")[0]) or tag


@lru_cache(maxsize=1024)
def _format_list(parts: tuple[str, ...], locale: str) -> str:
    return format_list(parts, locale=locale)


@cache
def open_interface(code: str) -> Interface:
    """Return the interface in a language, by its code.

    Raises
    ------
    KeyError: there is none.
    """
    language = {language.code: language for language in LANGUAGES}[code]
    if language is ENGLISH:
        return Interface(language, NullTranslations())
    with (TRANSLATIONS / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Interface(language, Translations(compiled))
