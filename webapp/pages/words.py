"""Sentences made of messages and names: each name keeps its language and its link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from webapp.languages import ENGLISH, Interface
from webapp.links import Shown

Words = tuple[Shown, ...]
"""Text in parts; a part without a language is in that of the interface."""

_PLACE = re.compile(r"%\((\w+)\)s")


def compose(interface: Interface, message: str, **values: Words) -> Words:
    """Return a translated message whose ``%(name)s`` are filled with words.

    >>> from webapp.languages import open_interface
    >>> name = (Shown("王毅", "zh", "/page/wang-yi"),)
    >>> [part.label for part in compose(open_interface("en"), "%(name)s spoke.", name=name)]
    ['王毅', ' spoke.']
    """
    pieces = _PLACE.split(interface.gettext(message))
    parts: list[Shown] = []
    for place, piece in enumerate(pieces):
        parts.extend(values[piece] if place % 2 else [Shown(piece)] * bool(piece))
    return tuple(parts)


def mention(interface: Interface, thing: Shown) -> Words:
    """Return a thing as it stands within a sentence: an English description takes its article.

    >>> from webapp.languages import open_interface
    >>> [part.label for part in mention(open_interface("en"), Shown("opening ceremony", "en"))]
    ['the ', 'opening ceremony']
    """
    english = interface.language is ENGLISH and thing.lang == ENGLISH.code
    return (Shown("the "), thing) if english and re.match(r"[a-z0-9]", thing.label) else (thing,)


def enumerate_words(interface: Interface, items: Sequence[Words]) -> Words:
    """Return items as an enumeration of this language.

    >>> from webapp.languages import open_interface
    >>> items = [(Shown(letter),) for letter in "ABC"]
    >>> "".join(part.label for part in enumerate_words(open_interface("ja"), items))
    'A、B、C'
    """
    if len(items) < 2:
        return items[0] if items else ()
    # The list is made of private-use characters, which no label holds, and then taken apart at them.
    marks = [chr(0xE000 + place) for place in range(len(items))]
    parts: list[Shown] = []
    for piece in re.split("([\ue000-\uf8ff])", interface.list(marks)):
        if piece in marks:
            parts.extend(items[marks.index(piece)])
        elif piece:
            parts.append(Shown(piece))
    return tuple(parts)


def read_words(words: Iterable[Shown]) -> str:
    """Return words as plain text."""
    return "".join(part.label for part in words)
