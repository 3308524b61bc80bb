import struct

from webapp.engines.embed import DIMENSIONS, embed, embed_one


def similarity(left: bytes, right: bytes) -> float:
    a, b = (struct.unpack(f"<{DIMENSIONS}f", vector) for vector in (left, right))
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_vector_is_384_floats_of_length_one():
    vector = embed_one("A lighthouse stands on the rock.")
    assert len(vector) == 4 * DIMENSIONS
    assert abs(similarity(vector, vector) - 1) < 1e-5


def test_texts_that_mean_the_same_are_near_each_other():
    question, answer, other = embed(
        ["Who rescued the sailors?", "Grace Darling rowed out and saved nine people.", "Flour, milk and two eggs."]
    )
    assert similarity(question, answer) > similarity(question, other) + 0.2


def test_a_text_has_the_same_vector_alone_and_in_company():
    texts = ["short", "a much longer text that goes on about lamps and lenses for quite a while", "mid length text"]
    assert embed(texts) == [embed_one(text) for text in texts]


def test_empty_and_endless_texts_have_vectors_too():
    assert all(len(vector) == 4 * DIMENSIONS for vector in embed(["", "word " * 5_000]))
