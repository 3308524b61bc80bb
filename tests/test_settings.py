from pathlib import Path

import pytest
from pydantic import ValidationError

from webapp.settings import PROJECT, Settings, SettingsError


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    return str(caught.value)


def explained(settings: Settings) -> dict[str, tuple[str, str]]:
    return {setting.variable: (setting.value, setting.source) for setting in settings.explain()}


def test_without_variables_everything_has_a_default():
    settings = Settings.from_environment({})
    assert settings.data_dir == PROJECT / "var"
    assert settings.port == 8000
    assert settings.embedded_redis


def test_a_value_is_read_and_typed():
    settings = Settings.from_environment({"HEADWAY_PORT": "9000", "HEADWAY_SECURE_COOKIES": "yes"})
    assert settings.port == 9000
    assert settings.secure_cookies is True


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("200MB", 200_000_000), ("1GiB", 1 << 30), ("1.5 KiB", 1536)]
)
def test_a_size_may_have_a_unit(text: str, size: int):
    assert Settings.from_environment({"HEADWAY_MAX_UPLOAD": text}).max_upload == size


def test_an_empty_variable_counts_as_not_set():
    settings = Settings.from_environment({"HEADWAY_PORT": " ", "HEADWAY_REDIS_URL": ""})
    assert settings.port == 8000
    assert explained(settings)["HEADWAY_PORT"] == ("8000", "default")


def test_a_bad_value_is_refused_with_its_name():
    assert refusal(HEADWAY_PORT="many") == "HEADWAY_PORT: it should be a whole number (it is 'many')."


def test_all_bad_values_are_named_at_once():
    message = refusal(HEADWAY_PORT="70000", HEADWAY_MAX_UPLOAD="huge", HEADWAY_WORKERS="0")
    assert [line.split(":")[0] for line in message.splitlines()] == [
        "HEADWAY_PORT",
        "HEADWAY_WORKERS",
        "HEADWAY_MAX_UPLOAD",
    ]


def test_a_misspelt_name_is_refused_with_the_close_match():
    assert refusal(HEADWAY_PROT="1") == "HEADWAY_PROT: there is no such setting. Did you mean HEADWAY_PORT?"


def test_a_name_like_no_other_is_refused_with_the_next_step():
    assert "bin/headway settings" in refusal(HEADWAY_XYZZY="1")


def test_variables_of_the_test_runner_are_let_through():
    Settings.from_environment({"HEADWAY_TEST_CHROMIUM": "/usr/bin/chromium"})


def test_a_secret_can_come_from_a_file(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("a-long-enough-secret\n")
    settings = Settings.from_environment({"HEADWAY_SECRET_KEY_FILE": str(file)})
    assert settings.secret_key == "a-long-enough-secret"
    assert explained(settings)["HEADWAY_SECRET_KEY"] == ("(hidden)", f"file {file}")


def test_a_secret_file_that_is_not_there_is_refused(tmp_path: Path):
    message = refusal(HEADWAY_SECRET_KEY_FILE=str(tmp_path / "none"))
    assert message.startswith("HEADWAY_SECRET_KEY_FILE: can't read")


def test_a_secret_given_twice_is_refused(tmp_path: Path):
    message = refusal(HEADWAY_SECRET_KEY="x" * 20, HEADWAY_SECRET_KEY_FILE=str(tmp_path / "key"))
    assert message == "HEADWAY_SECRET_KEY and HEADWAY_SECRET_KEY_FILE are both set. Keep one of them."


def test_a_short_secret_key_is_refused_without_showing_it():
    message = refusal(HEADWAY_SECRET_KEY="tiny")
    assert message.startswith("HEADWAY_SECRET_KEY: it should be at least 16")
    assert "tiny" not in message


@pytest.mark.parametrize(
    "url",
    ["redis://:hunter2@host/0", "redis://me:hun@ter2@host", "redis://:hunter2/x@host", "redis://h/?password=hunter2"],
)
def test_passwords_in_addresses_are_hidden(url: str):
    settings = Settings.from_environment({"HEADWAY_REDIS_URL": url})
    assert "hunter2" not in str(settings.explain())
    assert "ter2" not in str(settings.explain())
    assert "hunter2" not in repr(settings)
    assert settings.effective_redis_url == url


def test_a_password_in_a_bad_address_is_hidden():
    assert "hunter2" not in refusal(HEADWAY_REDIS_URL="http://:hunter2@host")


def test_origins_are_split_and_checked():
    settings = Settings.from_environment({"HEADWAY_CORS_ORIGINS": "https://a.example, http://b.example:8080"})
    assert settings.cors_origins == ("https://a.example", "http://b.example:8080")
    for origin in ("*", "null", "https://a.example/", "a.example"):
        assert refusal(HEADWAY_CORS_ORIGINS=origin).startswith("HEADWAY_CORS_ORIGINS: write each origin like")


def test_settings_never_change(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_is_described():
    assert all(setting.description.endswith(".") for setting in Settings().explain())


def test_a_relative_data_folder_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({"HEADWAY_DATA_DIR": "here"}).data_dir == tmp_path / "here"


def test_a_data_folder_that_no_address_can_name_is_refused():
    assert refusal(HEADWAY_DATA_DIR="/srv/what?").startswith("HEADWAY_DATA_DIR: ")


def test_redis_listens_in_the_data_folder_unless_the_name_is_too_long_for_a_socket():
    assert Settings(data_dir=Path("/srv/headway")).effective_redis_url == "unix:///srv/headway/redis.sock?db=0"
    long = Settings(data_dir=Path("/srv/" + "x" * 100))
    assert len(str(long.redis_socket)) < 50
    assert long.redis_socket == Settings(data_dir=long.data_dir).redis_socket
    assert long.redis_socket != Settings(data_dir=Path("/srv/" + "y" * 100)).redis_socket


def test_special_characters_of_the_data_folder_survive_the_redis_address():
    assert Settings(data_dir=Path("/srv/a b#c")).effective_redis_url == "unix:///srv/a%20b%23c/redis.sock?db=0"
