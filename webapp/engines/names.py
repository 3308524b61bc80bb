"""What counts as a name, and how it is written: for entities and for both ends of a relation."""

from __future__ import annotations

import re

# spaCy's labels in plain words; what has none here (numbers, percentages, …) is no name.
LABELS = {
    "PERSON": "person",
    "ORG": "organisation",
    "GPE": "place",
    "LOC": "place",
    "FAC": "place",
    "NORP": "group",
    "PRODUCT": "product",
    "EVENT": "event",
    "WORK_OF_ART": "work",
    "LAW": "law",
    "LANGUAGE": "language",
    "DATE": "date",
}
LONGEST_NAME = 60
MOST_WORDS = 7
YEAR = re.compile(r"\b1\d{3}\b|\b20\d\d\b")
# A long word in capitals is shouted, a short one an abbreviation.
SHOUTED = re.compile(r"\b[A-Z]{7,}\b")
EDGES = " \t\n\"'“”‘’«».,;:!?()[]{}<>*_#|/\\–—-•"
VAGUE_WORDS = """
    one ones thing things something anything nothing other others way same such part lot number kind bc ad
"""
VAGUE = frozenset(VAGUE_WORDS.split())


def tidy_name(text: str) -> str:
    """'the  Eddystone Lighthouse's' → 'Eddystone Lighthouse'"""
    name = " ".join(text.split()).strip(EDGES)
    name = re.sub(r"(?i)^(the|a|an)\s+", "", name)
    name = re.sub(r"['’]s?$", "", name)
    return SHOUTED.sub(lambda match: match[0].capitalize(), name).strip(EDGES)


def is_name(name: str, label: str) -> bool:
    """Dates must hold a year; all else must look like a name: letters, one of them a capital."""
    if label == "date":
        return bool(YEAR.search(name)) and len(name) <= LONGEST_NAME
    if name.casefold() in VAGUE:
        return False
    return _is_short(name) and _letters(name) >= 2 and _share(name) >= 0.7 and any(c.isupper() for c in name)


def is_concept(phrase: str) -> bool:
    """A noun with what describes it, that says something by itself."""
    return _is_short(phrase) and _letters(phrase) >= 3 and _share(phrase) >= 0.8 and phrase.casefold() not in VAGUE


def _is_short(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and len(name.split()) <= MOST_WORDS


def _letters(name: str) -> int:
    return sum(c.isalpha() for c in name)


def _share(name: str) -> float:
    return _letters(name) / len(name.replace(" ", ""))
