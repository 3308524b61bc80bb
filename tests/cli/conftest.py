from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from webapp.cli.__main__ import main
from webapp.services import Services

Headway = Callable[..., Result]


@pytest.fixture
def headway(services: Services) -> Headway:
    """Run `bin/headway …` on the stores of `services`: `headway("users", "list")`."""
    settings = services.settings
    environment = {"HEADWAY_DATA_DIR": str(settings.data_dir), "HEADWAY_REDIS_URL": settings.redis_url}

    def run(*arguments: str, input: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, arguments, input=input, env={**environment, **more}, prog_name="headway")

    return run
