from webapp.engines.chunk import Chunk
from webapp.engines.extract import Entity, Extraction
from webapp.engines.graph import Graph
from webapp.engines.relations import Relation

FIRST, SECOND = Chunk(0, 1, 0, 5, "first"), Chunk(1, 2, 0, 6, "second")
BUILT = Relation("Smeaton", "built", "tower")
ONE = Extraction([Entity("Smeaton", "person"), Entity("Smeaton", "person")], [BUILT])
OTHER = Extraction([Entity("Smeaton", "place"), Entity("Plymouth", "place")], [BUILT])


def test_each_name_and_relation_stands_once_with_its_mentions():
    graph = Graph()
    assert graph.add(FIRST, ONE) == (1, 1)
    assert graph.add(SECOND, OTHER) == (1, 0)
    assert graph.entities() == [
        {"name": "Plymouth", "label": "place", "mentions": 1},
        {"name": "Smeaton", "label": "person", "mentions": 3},
    ]
    (relation,) = graph.relations()
    assert relation == {"subject": "Smeaton", "verb": "built", "object": "tower", "page": 1, "chunk": 0, "mentions": 2}


def test_the_order_in_which_passages_come_changes_nothing():
    forward, backward = Graph(), Graph()
    forward.add(FIRST, ONE), forward.add(SECOND, OTHER)
    backward.add(SECOND, OTHER), backward.add(FIRST, ONE)
    assert (forward.entities(), forward.relations()) == (backward.entities(), backward.relations())


def test_passages_in_another_language_are_counted():
    graph = Graph()
    assert graph.add(FIRST, Extraction([], [], in_english=False)) == (0, 0)
    assert graph.skipped == 1
