import subprocess
import sys
import threading
from pathlib import Path

import pytest

from webapp.engines.chunk import Chunk
from webapp.engines.embed import embed, embed_one
from webapp.engines.passages import DIMENSIONS, Passages

TEXTS = [
    "The Eddystone Lighthouse was built by John Smeaton and stands off Plymouth.",
    "Ida Lewis rowed out at night and saved eighteen people from drowning.",
    "Pancakes need flour, milk and two eggs.",
    "The lens of Fresnel gathers light into a beam that ships see from afar.",
]
CHUNKS = [Chunk(index, 1, 10, 10 + len(text), text) for index, text in enumerate(TEXTS)]
BEN, CLEO = 2, 3


@pytest.fixture(scope="module")
def vectors() -> list[bytes]:
    return embed(TEXTS)


@pytest.fixture
def passages(tmp_path: Path, vectors: list[bytes]) -> Passages:
    passages = Passages(tmp_path / "passages.db")
    passages.replace("lighthouses", BEN, CHUNKS, vectors, lambda count: None)
    return passages


def found(passages: Passages, question: str, owner: int | None = BEN, *, by_word_only: bool = False) -> list[str]:
    embedding = None if by_word_only else embed_one(question)
    return [hit.text for hit in passages.search(question, embedding, owner)]


def test_ingesting_twice_gives_the_same_rows(passages, vectors):
    before = passages.of("lighthouses")
    told: list[int] = []
    assert passages.replace("lighthouses", BEN, CHUNKS, vectors, told.append) == 4
    assert told == [4]
    assert passages.of("lighthouses") == before
    assert passages.count() == 4
    assert len(found(passages, "Eddystone")) == 1


def test_a_write_that_fails_leaves_the_former_rows_and_confirms_nothing(passages, vectors):
    told: list[int] = []
    with pytest.raises(Exception, match=r"(?i)dimension|vector"):
        passages.replace("lighthouses", BEN, CHUNKS, [*vectors[:3], b"too short."], told.append)
    assert told == []
    assert [passage.text for passage in passages.of("lighthouses")] == TEXTS


def test_passages_are_found_by_meaning(passages):
    (best, *_) = passages.search("rescue of sailors in danger", embed_one("rescue of sailors in danger"), BEN)
    assert best.text == TEXTS[1]
    assert best.by == "meaning"


def test_passages_are_found_by_word_without_a_model(passages):
    (hit,) = passages.search("plymouth", None, BEN)
    assert (hit.by, hit.document_id, hit.page, hit.start, hit.end) == (
        "words",
        "lighthouses",
        1,
        10,
        10 + len(TEXTS[0]),
    )


def test_a_passage_found_both_ways_comes_first(passages):
    (best, *_) = passages.search("who built the Eddystone", embed_one("who built the Eddystone"), BEN)
    assert (best.text, best.by) == (TEXTS[0], "both")


def test_matching_words_are_marked_in_the_snippet(passages):
    (hit,) = passages.search("smeaton", None, BEN)
    assert ("Smeaton", True) in hit.snippet
    assert "".join(text for text, _ in hit.snippet) == TEXTS[0]


def test_a_phrase_in_quotation_marks_is_found_as_such(passages):
    assert found(passages, '"John Smeaton"', by_word_only=True) == [TEXTS[0]]
    assert found(passages, '"Smeaton John"', by_word_only=True) == []


def test_other_forms_and_accents_of_a_word_are_found(passages):
    assert set(found(passages, "savé SHIP", by_word_only=True)) == {TEXTS[1], TEXTS[3]}


def test_what_has_nothing_to_do_with_the_question_is_not_found(passages):
    assert found(passages, "quantum chromodynamics") == []


def test_nobody_finds_what_belongs_to_another(passages, vectors):
    passages.replace("of-cleo", CLEO, CHUNKS[:1], vectors[:1], lambda count: None)
    assert {hit.document_id for hit in passages.search("Eddystone", vectors[0], CLEO)} == {"of-cleo"}
    assert {hit.document_id for hit in passages.search("Eddystone", None, CLEO)} == {"of-cleo"}


def test_an_admin_finds_everybodys(passages, vectors):
    passages.replace("of-cleo", CLEO, CHUNKS[:1], vectors[:1], lambda count: None)
    assert {hit.document_id for hit in passages.search("Eddystone", None, None)} == {"lighthouses", "of-cleo"}


@pytest.mark.parametrize(
    "question",
    [
        *('"', '""', "'", "*", "a*", "(", ")(", "AND", "OR NOT", "NEAR(a b, 3)", "text:x", "^x", "-x", "{a}"),
        *("\0", "a\0b", "\x02x\x03", "%", "; DROP TABLE passages", "\ud800", "_", "日本", "🗼", ""),
        *("x" * 10_000, "w " * 10_000),
    ],
)
def test_no_question_is_an_error(passages, question):
    passages.search(question, None, BEN)
    assert passages.count() == 4


def test_a_deleted_document_is_not_found(passages):
    passages.delete("lighthouses")
    assert passages.count() == 0
    assert found(passages, "Eddystone") == []


def test_a_list_of_passages_can_be_read_in_parts(passages):
    assert [passage.number for passage in passages.of("lighthouses", limit=2, offset=1)] == [1, 2]
    assert passages.count("lighthouses") == 4
    assert passages.count("another") == 0


def test_one_writes_while_another_searches(passages, vectors):
    def write() -> None:
        for number in range(20):
            passages.replace(f"document-{number}", BEN, CHUNKS, vectors, lambda count: None)

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        assert found(passages, "Eddystone")
    thread.join()
    assert passages.count() == 84


def test_a_web_process_opens_the_store_without_the_models():
    program = (
        "import sys; from pathlib import Path; from webapp.engines.passages import Passages\n"
        "import webapp.kinds.ingest_document\n"
        "Passages(Path(sys.argv[1])).search('light', bytes(4 * 384), 1)\n"
        "print(sorted({'numpy', 'onnxruntime', 'tokenizers', 'spacy', 'xberg', 'pypdfium2'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program, ":memory:"], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_vector_has_the_models_length(vectors):
    assert {len(vector) for vector in vectors} == {4 * DIMENSIONS}
