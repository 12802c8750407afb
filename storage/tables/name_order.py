"""The order of names: the alphabet that people use, without the language of the machine.

A letter with an accent stands beside the letter without it, capitals beside small letters. Letters that Unicode does
not take apart (ø, ł, æ, ß …) are read as people sort them in lists of many languages. That is what the Unicode
Collation Algorithm (https://www.unicode.org/reports/tr10/) does first for Latin, Greek and Cyrillic names, without its
table of 35,000 rows, which costs a second of every start; other scripts stay in the order of their code points.
"""

import unicodedata

_TAKEN_APART = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "ĳ": "ij",
        "ĸ": "k",
        "ł": "l",
        "ŋ": "n",
        "ø": "o",
        "œ": "oe",
        "ŧ": "t",
        "þ": "th",
        "ə": "e",
        "ƒ": "f",
    }
)

NameOrder = tuple[str, str, str]


def name_order(name: str) -> NameOrder:
    """Return what names are compared by: letters without accents, then with accents, then as they are written."""
    folded = name.strip().casefold()
    bare = "".join(part for part in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(part))
    return (bare.translate(_TAKEN_APART), folded, name)
