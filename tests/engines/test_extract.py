import pytest

from webapp.engines.extract import extract, is_english
from webapp.engines.names import is_name, tidy_name


def said(text: str) -> set[tuple[str, str, str]]:
    return {(relation.subject, relation.verb, relation.object) for relation in extract(text).relations}


def test_people_places_and_organisations_are_found():
    found = {(e.name, e.label) for e in extract("Ida Lewis worked for Microsoft and was born in London.").entities}
    assert {("Ida Lewis", "person"), ("London", "place"), ("Microsoft", "organisation")} <= found


@pytest.mark.parametrize(
    ("sentence", "relation"),
    [
        ("Marie Curie discovered polonium and radium in Paris.", ("Marie Curie", "discovered", "radium")),
        ("LinkedIn was founded by Reid Hoffman.", ("LinkedIn", "founded by", "Reid Hoffman")),
        ("On the same day Angela Merkel met Emmanuel Macron in Berlin.", ("Angela Merkel", "met in", "Berlin")),
        ("The European Union did not approve the merger.", ("European Union", "did not approve", "merger")),
        ("Marie Curie, a Polish physicist, was born in Warsaw.", ("Marie Curie", "is", "Polish physicist")),
        ("Toyota's hybrid system uses batteries, which is new.", ("Toyota", "has", "hybrid system")),
        ("Satya Nadella, who joined Microsoft in 1992, is the boss.", ("Satya Nadella", "joined", "Microsoft")),
        ("The US Lighthouse Board was replaced in 1910.", ("US Lighthouse Board", "replaced in", "1910")),
    ],
    ids=["conjunction", "passive", "preposition", "negation", "apposition", "possessive", "relative", "year"],
)
def test_what_a_sentence_says_is_found(sentence, relation):
    assert relation in said(sentence)


def test_pronouns_and_vague_words_make_no_relation():
    assert said("He saw that this is one of the things that they had for it.") == set()


def test_a_heading_does_not_run_into_the_text_below_it():
    heading_and_text = "The keepers\nGrace Darling and her father saved nine people of the ship."
    assert all("keepers" not in subject for subject, _, _ in said(heading_and_text))


def test_text_in_another_language_is_left_alone():
    german = "Der Leuchtturm wurde von Johann Schmidt gebaut und steht in Bremerhaven an der Weser."
    assert not is_english(german)
    assert extract(german).entities == []
    assert not extract(german).in_english


@pytest.mark.parametrize("text", ["", "\n\n", "1 2 3 = 4", "■ ■ ■", "© ® ™ § — “”", "the of and to is"])
def test_junk_gives_nothing_and_no_error(text):
    extraction = extract(text)
    assert (extraction.entities, extraction.relations) == ([], [])


def test_names_are_tidied():
    assert tidy_name("  the  Eddystone\nLighthouse’s ") == "Eddystone Lighthouse"
    assert tidy_name("“TRINITY HOUSE”,") == "Trinity HOUSE"
    assert tidy_name("NASA") == "NASA"


@pytest.mark.parametrize("name", ["", "x", "—", "42", "B4", "lower case", "f(x) = y", "A" * 100])
def test_what_is_no_name_is_dropped(name):
    assert not is_name(name, "organisation")


def test_only_dates_with_a_year_are_kept():
    assert is_name("1 February 1811", "date")
    assert not is_name("Tuesday", "date")
