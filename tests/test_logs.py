import logging

from webapp.logs import LineFormatter, configuration, printable


def record(message: str, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord("webapp.worker", logging.INFO, __file__, 1, message, arguments, None)
    made.created, made.msecs = 1790000000.25, 250.0
    return made


def test_a_record_is_one_line_with_its_time_level_and_name():
    line = LineFormatter().format(record("job=%s state=%s", 42, "completed"))
    assert line == "2026-09-21T14:13:20.250Z info webapp.worker job=42 state=completed"


def test_a_line_break_from_outside_makes_no_second_record():
    assert LineFormatter().format(record("name=%s", "a\r\nb")).endswith("name=a\\r\\nb")


def test_an_escape_sequence_reaches_no_terminal():
    assert printable("\x1b[2J\u202eü") == "\\x1b[2J\\u202eü"


def test_a_traceback_stays_on_its_line():
    try:
        raise ValueError("no")
    except ValueError as error:
        failed = record("failed")
        failed.exc_info = (ValueError, error, error.__traceback__)
    line = LineFormatter().format(failed)
    assert "\n" not in line
    assert line.endswith("ValueError: no")


def test_libraries_are_heard_only_when_they_warn_unless_everything_is_wanted():
    assert configuration("info")["loggers"]["huey"]["level"] == "WARNING"
    assert configuration("debug")["loggers"]["huey"]["level"] == "DEBUG"
