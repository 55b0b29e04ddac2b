"""``make messages``: brings the messages that code and templates use into the catalogues.

Catalogues are sorted and name no places, so that two people who add messages seldom meet in one line.
"""

from __future__ import annotations

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from webapp.digests import PACKAGE
from webapp.languages import ENGLISH, LANGUAGES, TRANSLATIONS, Language

_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]


def extract_messages() -> Catalog:
    """Return a catalogue of all messages that the web application uses, without translations."""
    catalogue = Catalog()
    for _, _, message, _, context in extract_from_dir(PACKAGE, _METHODS):
        catalogue.add(message, context=context)
    return catalogue


def read_catalogue(language: Language) -> Catalog:
    """Return the catalogue of a language as it is kept."""
    with (TRANSLATIONS / f"{language.code}.po").open("rb") as file:
        return read_po(file, locale=language.locale)


def update_catalogue(language: Language, used: Catalog) -> None:
    """Add what is used and not there yet, and drop what nobody uses any more."""
    kept = read_catalogue(language)
    kept.update(used, no_fuzzy_matching=True)
    kept.obsolete.clear()
    with (TRANSLATIONS / f"{language.code}.po").open("wb") as file:
        write_po(file, kept, width=0, no_location=True, omit_header=True, sort_output=True)


def main() -> None:
    """Update all catalogues."""
    used = extract_messages()
    for language in LANGUAGES:
        if language is not ENGLISH:
            update_catalogue(language, used)


if __name__ == "__main__":
    main()
