from webapp.engines.text import clean, join_lines


def test_control_characters_nulls_and_half_characters_are_taken_out():
    assert clean("a\0b\x07c\ud800d\ufffee\r\nf\rg") == "abcde\nf\ng"


def test_direction_overrides_are_taken_out_and_direction_marks_stay():
    assert clean("abc\u202edef \u05d0\u200f!") == "abcdef \u05d0\u200f!"


def test_a_word_broken_at_a_line_end_is_put_together():
    assert clean("light\x02\nhouse and light\u00adhouse") == "lighthouse and lighthouse"


def test_ligatures_become_letters_and_accents_are_composed():
    assert clean("ﬁre and e\u0301tude") == "fire and étude"


def test_full_lines_are_joined_and_short_lines_end_a_paragraph():
    page = "A heading\nThe first line of this page is as long as they come,\nand goes on here.\nA new paragraph begins."
    joined = (
        "A heading\nThe first line of this page is as long as they come, and goes on here.\nA new paragraph begins."
    )
    assert join_lines(page) == joined


def test_items_of_a_list_keep_their_lines():
    items = "• the first item of the list is a long one, like this\n• the second item of the list is long as well, see"
    assert join_lines(items) == items
