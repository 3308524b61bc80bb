"""API tokens, from the command line."""

from __future__ import annotations

import click

from webapp.cli.stores import open_database, user_with
from webapp.records.token import Token
from webapp.settings import Settings


@click.group(name="tokens")
def command() -> None:
    """Make, list and revoke API tokens."""


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.pass_obj
def create(settings: Settings, email: str, name: str) -> None:
    """Print a new token for a user, alone on standard output. It is shown this once."""
    try:
        with open_database(settings).transaction() as session:
            _, secret = Token.create(session, user_with(session, email), name)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(secret)


@command.command(name="list")
@click.argument("email")
@click.pass_obj
def list_(settings: Settings, email: str) -> None:
    """List a user's tokens: id, when it was made, name."""
    with open_database(settings).reading() as session:
        for token in Token.of(session, user_with(session, email)):
            click.echo(f"{token.id}  {token.created_at:%Y-%m-%d}  {token.name}")


@command.command()
@click.argument("token_id", metavar="ID", type=int)
@click.pass_obj
def revoke(settings: Settings, token_id: int) -> None:
    """End a token; what it holds open ends at once."""
    with open_database(settings).transaction() as session:
        token = session.get(Token, token_id)
        if token is None or token.revoked_at:
            raise click.ClickException(f"There is no token {token_id}. `bin/headway tokens list EMAIL` shows them.")
        token.revoke(session)
    click.echo(f"Revoked token {token_id}.")
