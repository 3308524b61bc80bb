from redis import Redis

from tests.cli.conftest import Headway
from tests.conftest import Cast
from webapp.live.wake import CHANNEL
from webapp.records.credential import by_token
from webapp.records.database import Database
from webapp.services import Services


def test_a_new_token_stands_alone_on_standard_output(headway: Headway, cast: Cast, database: Database):
    result = headway("tokens", "create", "ben@example.org", "--name", "backup")
    assert result.exit_code == 0
    assert result.stderr == ""
    holder = by_token(database, result.stdout.removesuffix("\n"))
    assert holder
    assert holder.email == "ben@example.org"


def test_a_token_without_a_name_is_refused(headway: Headway, cast: Cast):
    result = headway("tokens", "create", "ben@example.org", "--name", " ")
    assert result.exit_code == 1
    assert result.stdout == ""


def test_a_token_for_nobody_is_refused(headway: Headway, cast: Cast):
    result = headway("tokens", "create", "nobody@example.org", "--name", "x")
    assert result.exit_code == 1
    assert "There is no user" in result.stderr


def test_tokens_are_listed_until_they_are_revoked(headway: Headway, cast: Cast):
    headway("tokens", "create", "ben@example.org", "--name", "backup")
    (line,) = headway("tokens", "list", "ben@example.org").output.splitlines()
    assert line.endswith("  backup")
    assert headway("tokens", "revoke", line.split()[0]).exit_code == 0
    assert headway("tokens", "list", "ben@example.org").output == ""
    assert headway("tokens", "revoke", line.split()[0]).exit_code == 1


def test_a_revocation_is_announced_to_the_running_server(headway: Headway, cast: Cast, services: Services):
    headway("tokens", "create", "ben@example.org", "--name", "backup")
    with Redis.from_url(services.settings.redis_url).pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=5)
        headway("tokens", "revoke", headway("tokens", "list", "ben@example.org").output.split()[0])
        message = listener.get_message(timeout=5)
    assert message
    assert message["data"].startswith(f"user {cast.ben.id} ".encode())
