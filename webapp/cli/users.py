"""Users, from the command line."""

from __future__ import annotations

import sys

import click
from sqlalchemy import select

from webapp.cli.stores import open_database, user_with
from webapp.records.login import Login
from webapp.records.user import ROLES, User
from webapp.settings import Settings

password_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input."
)


@click.group(name="users")
def command() -> None:
    """Make, list, disable and enable users, and set their roles and passwords."""


@command.command()
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@password_option
@click.pass_obj
def create(settings: Settings, email: str, role: str, from_stdin: bool) -> None:
    """Make a user."""
    password = _password(from_stdin)
    try:
        with open_database(settings).transaction() as session:
            user = User.create(session, email=email, password=password, role=role)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Made the {user.role} {user.email}.")


@command.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List users: email, role, and whether they are disabled."""
    with open_database(settings).reading() as session:
        for user in session.scalars(select(User).order_by(User.email)):
            click.echo(f"{user.email}  {user.role}{'  disabled' if user.disabled_at else ''}")


@command.command()
@click.argument("email")
@click.pass_obj
def disable(settings: Settings, email: str) -> None:
    """Keep a user out; their open pages and streams end at once."""
    with open_database(settings).transaction() as session:
        user_with(session, email).disable(session)
    click.echo(f"Disabled {email}.")


@command.command()
@click.argument("email")
@click.pass_obj
def enable(settings: Settings, email: str) -> None:
    """Let a disabled user in again."""
    with open_database(settings).transaction() as session:
        user_with(session, email).enable(session)
    click.echo(f"Enabled {email}.")


@command.command(name="role")
@click.argument("email")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def role_(settings: Settings, email: str, role: str) -> None:
    """Make a user an admin or a member; open pages and streams take notice at once."""
    with open_database(settings).transaction() as session:
        user_with(session, email).set_role(session, role)
    click.echo(f"{email} is {'an admin' if role == 'admin' else 'a member'} now.")


@command.command()
@click.argument("email")
@password_option
@click.pass_obj
def password(settings: Settings, email: str, from_stdin: bool) -> None:
    """Set a user's password, and sign them out everywhere."""
    new = _password(from_stdin)
    try:
        with open_database(settings).transaction() as session:
            user = user_with(session, email)
            user.set_password(session, new)
            Login.end_others(session, user.id)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Set the password of {email}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask on. Give --password-stdin and pipe the password in.")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
