from webapp.engines.chunk import split
from webapp.engines.embed import LONGEST, load_tokenizer
from webapp.engines.parsed import Page

PARAGRAPH = "The keeper climbed the stairs at dusk. He trimmed the wick and lit the lamp. Ships saw it from afar. " * 12


def test_a_chunk_is_its_page_from_start_to_end():
    pages = [Page(1, f"{PARAGRAPH}\n\nÜbermut: “naïve” 🗼 façade.\n\n{PARAGRAPH}"), Page(2, PARAGRAPH), Page(3, "")]
    chunks = split(pages)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert {chunk.page for chunk in chunks} == {1, 2}
    assert all(pages[chunk.page - 1].text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_all_text_is_in_some_chunk():
    text = "".join(chunk.text for chunk in split([Page(1, PARAGRAPH)]))
    assert text.replace(" ", "") == PARAGRAPH.replace(" ", "")


def test_a_chunk_ends_at_a_sentence():
    assert all(chunk.text.endswith(".") for chunk in split([Page(1, PARAGRAPH)]))


def test_the_model_sees_every_chunk_whole():
    tokenizer = load_tokenizer()
    german = "Donaudampfschifffahrtsgesellschaftskapitänsmütze und Leuchtturmwärterhäuschen. " * 40
    sizes = [len(tokenizer.encode(chunk.text).ids) for chunk in split([Page(1, PARAGRAPH), Page(2, german)])]
    assert max(sizes) <= LONGEST


def test_a_word_without_end_is_cut_too():
    chunks = split([Page(1, "x" * 5_000)])
    assert "".join(chunk.text for chunk in chunks) == "x" * 5_000
