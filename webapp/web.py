"""gunicorn, as bin/run starts it: with our modules, and not those that lie in the current folder."""

from __future__ import annotations

from gunicorn.app.wsgiapp import WSGIApplication


class Web(WSGIApplication):  # type: ignore[misc]
    def chdir(self) -> None:
        """gunicorn would put the current folder first on the path, before anything of ours is loaded."""


if __name__ == "__main__":
    Web("%(prog)s [OPTIONS]", prog="webapp.web").run()
