"""Subject, verb, object: read off a parsed sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webapp.engines.names import LABELS, YEAR, is_concept, is_name, tidy_name

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

SUBJECTS = ("nsubj", "nsubjpass")
OBJECTS = ("dobj", "attr", "oprd", "dative")
SPELLED_OUT = {
    "n't": "not",
    "n’t": "not",
    "'s": "is",
    "’s": "is",
    "'re": "are",
    "'ve": "have",
    "ca": "can",
    "wo": "will",
}


@dataclass(frozen=True)
class Relation:
    subject: str
    verb: str
    object: str


def find_relations(doc: Doc) -> list[Relation]:
    """Each relation once, in reading order. One side at least is a name."""
    found = [_relation(*triple) for triple in _triples(doc)]
    return list(dict.fromkeys(relation for relation in found if relation))


def _triples(doc: Doc) -> Iterator[tuple[Token, str, Token]]:
    for token in doc:
        if token.pos_ in ("VERB", "AUX"):
            yield from _from_verb(token)
        elif token.dep_ == "appos" and token.head.ent_type_ in LABELS:
            # "Plymouth, England" names where, "Ida Lewis, a keeper" what.
            yield token.head, "in" if token.ent_type_ == "GPE" else "is", token
        elif token.dep_ == "poss" and token.ent_type_ in LABELS and token.pos_ == "PROPN":
            yield token, "has", token.head


def _from_verb(verb: Token) -> Iterator[tuple[Token, str, Token]]:
    words, objects = _verb_words(verb), list(_objects(verb))
    for subject in _subjects(verb):
        for target in objects:
            yield subject, words, target
            if target.dep_ == "attr":
                # "is the capital of France" says more than "is capital".
                for preposition, place in _prepositional(target):
                    yield subject, f"{words} {target.text} {preposition}", place
        for preposition, target in _prepositional(verb):
            # "met in Berlin" still says something without whom; "met in 1809" does not.
            if not objects or target.ent_type_ in ("GPE", "LOC", "FAC", "ORG", "PERSON"):
                yield subject, f"{words} {preposition}", target


def _subjects(verb: Token) -> Iterator[Token]:
    """Its own subjects, else those of the verb it is joined to, else the noun it describes."""
    own = [child for child in verb.children if child.dep_ in SUBJECTS]
    head = verb.head
    if own:
        for subject in own:
            yield from _resolved(subject, verb)
    elif verb.dep_ == "xcomp" and any(child.dep_ == "dobj" for child in head.children):
        # "asked Smeaton to build": he builds, not they.
        yield from (child for child in head.children if child.dep_ == "dobj")
    elif verb.dep_ in ("conj", "xcomp", "advcl") and head.pos_ in ("VERB", "AUX"):
        yield from _subjects(head)
    elif verb.dep_ in ("acl", "relcl") and head.pos_ in ("NOUN", "PROPN"):
        yield head


def _resolved(subject: Token, verb: Token) -> Iterator[Token]:
    """'who' and 'which' stand for the noun that the clause describes."""
    if subject.tag_ in ("WP", "WDT") and verb.dep_ == "relcl":
        yield verb.head
    else:
        yield from _joined(subject)


def _objects(verb: Token) -> Iterator[Token]:
    for child in verb.children:
        if child.dep_ in OBJECTS:
            yield from _joined(child)


def _prepositional(head: Token) -> Iterator[tuple[str, Token]]:
    for child in head.children:
        if child.dep_ in ("prep", "agent"):
            for target in child.children:
                if target.dep_ == "pobj":
                    for token in _joined(target):
                        yield child.lower_, token


def _joined(token: Token) -> Iterator[Token]:
    """'A, B and C' → A, B, C"""
    yield token
    for child in token.children:
        if child.dep_ == "conj":
            yield from _joined(child)


def _verb_words(verb: Token) -> str:
    """As it stands, with what changes its sense: 'discovered', 'did not carry out', 'built' for 'was built'."""
    helpers = [child for child in verb.lefts if child.dep_ in ("aux", "auxpass", "neg") and child.lower_ != "to"]
    changes_sense = any(child.dep_ == "neg" or child.tag_ == "MD" for child in helpers)
    words = helpers if changes_sense or not _is_passive(verb) else []
    particle = [child for child in verb.rights if child.dep_ in ("prt", "neg")]
    return " ".join(SPELLED_OUT.get(word.lower_, word.lower_) for word in [*words, verb, *particle])


def _is_passive(verb: Token) -> bool:
    describes = verb.dep_ in ("acl", "advcl") and verb.tag_ == "VBN"
    return describes or any(child.dep_ in ("auxpass", "nsubjpass") for child in verb.children)


def _relation(subject: Token, verb: str, target: Token) -> Relation | None:
    left, right = _phrase(subject), _phrase(target)
    named = subject.ent_type_ in LABELS or (target.ent_type_ in LABELS and target.ent_type_ != "DATE")
    if not left or not right or not named or left.casefold() == right.casefold():
        return None
    return Relation(left, verb, right) if verb.replace(" ", "").isalpha() else None


def _phrase(token: Token) -> str | None:
    """The name that the word belongs to, else its noun with what describes it."""
    name = next((span for span in token.doc.ents if span.start <= token.i < span.end), None)
    if name is not None and name.label_ in LABELS:
        tidy = tidy_name(name.text)
        return tidy if is_name(tidy, LABELS[name.label_]) else None
    if token.pos_ not in ("NOUN", "PROPN"):
        return token.text if YEAR.fullmatch(token.text) else None
    words = [left.text for left in token.lefts if left.dep_ in ("compound", "amod", "nmod") and not left.is_punct]
    phrase = tidy_name(" ".join([*words, token.text]))
    return phrase if is_concept(phrase) else None
