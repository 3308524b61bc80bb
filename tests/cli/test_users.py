from tests.cli.conftest import Headway
from tests.conftest import Cast
from webapp.records.credential import by_login
from webapp.records.database import Database
from webapp.records.login import Login
from webapp.records.user import User

PASSWORD = "a long password"


def create(headway: Headway, *arguments: str, password: str = PASSWORD):
    return headway("users", "create", *arguments, "--password-stdin", input=password + "\n")


def test_a_user_is_made_who_can_log_in(headway: Headway, database: Database):
    result = create(headway, "new@example.org", "--role", "admin")
    assert (result.exit_code, result.output) == (0, "Made the admin new@example.org.\n")
    with database.reading() as session:
        user = User.authenticate(session, "new@example.org", PASSWORD)
        assert user
        assert user.is_admin


def test_a_user_is_a_member_unless_said_otherwise(headway: Headway):
    assert create(headway, "new@example.org").output == "Made the member new@example.org.\n"


def test_a_user_who_is_there_already_is_refused_with_the_reason(headway: Headway, cast: Cast):
    result = create(headway, "ada@example.org")
    assert (result.exit_code, result.output) == (1, "Error: There is a user ada@example.org already.\n")


def test_a_short_password_is_refused_with_the_reason(headway: Headway):
    result = create(headway, "new@example.org", password="short")
    assert result.exit_code == 1
    assert "at least" in result.output


def test_without_a_terminal_the_password_must_be_piped_in(headway: Headway):
    result = headway("users", "create", "new@example.org")
    assert result.exit_code == 1
    assert "--password-stdin" in result.output


def test_users_are_listed_with_role_and_state(headway: Headway, cast: Cast):
    headway("users", "disable", "cleo@example.org")
    assert headway("users", "list").output.splitlines() == [
        "ada@example.org  admin",
        "ben@example.org  member",
        "cleo@example.org  member  disabled",
    ]


def test_a_disabled_user_can_be_let_in_again(headway: Headway, cast: Cast):
    headway("users", "disable", "ben@example.org")
    assert headway("users", "enable", "ben@example.org").output == "Enabled ben@example.org.\n"
    assert "disabled" not in headway("users", "list").output


def test_a_user_is_given_another_role(headway: Headway, cast: Cast):
    assert headway("users", "role", "ben@example.org", "admin").output == "ben@example.org is an admin now.\n"
    assert "ben@example.org  admin" in headway("users", "list").output
    assert headway("users", "role", "ben@example.org", "king").exit_code == 2


def test_a_changed_password_signs_the_user_out_everywhere(headway: Headway, cast: Cast, database: Database):
    with database.transaction() as session:
        _, secret = Login.begin(session, session.merge(cast.ben), days=1)
    result = headway("users", "password", "ben@example.org", "--password-stdin", input="another password\n")
    assert result.exit_code == 0, result.output
    with database.reading() as session:
        assert User.authenticate(session, "ben@example.org", "another password")
    assert by_login(database, secret) is None


def test_an_unknown_user_is_named(headway: Headway, cast: Cast):
    for command in ("disable", "enable"):
        result = headway("users", command, "nobody@example.org")
        assert result.exit_code == 1
        assert "There is no user nobody@example.org." in result.output


def test_without_a_database_the_next_step_is_named(headway: Headway, tmp_path):
    result = headway("users", "list", HEADWAY_DATA_DIR=str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "bin/headway db upgrade" in result.output
