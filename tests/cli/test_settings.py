from tests.cli.conftest import Headway


def lines(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()}


def test_every_setting_is_shown_with_its_source_and_secrets_hidden(headway: Headway):
    result = headway("settings", HEADWAY_PORT="9000", HEADWAY_SECRET_KEY="do-not-show-this-key")
    assert lines(result.output)["HEADWAY_PORT"] == ["9000", "[environment]"]
    assert lines(result.output)["HEADWAY_HOST"] == ["127.0.0.1", "[default]"]
    assert lines(result.output)["HEADWAY_FILES_URL"] == ["(empty)", "[default]"]
    assert "do-not-show" not in result.output


def test_settings_can_be_described(headway: Headway):
    assert "# Port that the web server listens on.\nHEADWAY_PORT " in headway("settings", "--describe").output


def test_a_bad_setting_stops_every_command_with_its_name(headway: Headway):
    result = headway("users", "list", HEADWAY_PORT="many")
    assert result.exit_code == 1
    assert result.output.startswith("Error: HEADWAY_PORT: ")
