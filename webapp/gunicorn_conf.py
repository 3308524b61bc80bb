"""How the web server runs. gunicorn reads these names; the address is given by the supervisor."""

from __future__ import annotations

import resource
import signal
from typing import Any

from webapp.logs import configuration
from webapp.processes import die_with_parent
from webapp.settings import PROJECT, Settings

# Beside its streams a process needs descriptors for pages, uploads, stores and Redis.
BESIDE_STREAMS = 1000

_settings = Settings.from_environment()

wsgi_app = "wsgi:app"
pythonpath = str(PROJECT)
worker_class = "webapp.web_worker.WebWorker"
workers = _settings.web_processes
worker_connections = _settings.max_streams + BESIDE_STREAMS
# Recycling a process would cut its streams.
max_requests = 0
keepalive = 5
# Less than the supervisor's patience, which ends with SIGKILL.
graceful_timeout = max(int(_settings.stop_grace * 0.75), 1)
# No access log: an address may hold a stream ticket.
accesslog = None
logconfig_dict = configuration(_settings.log_level)
# What a proxy says of the client is believed in one place, by the app and its setting.
forwarded_allow_ips = ""
# Its remote control would be a socket in the home folder that nobody asked for.
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Allow as many open files as there may be connections, where the limit can be raised that far."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = worker_connections + BESIDE_STREAMS
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def post_fork(_server: Any, _worker: Any) -> None:
    die_with_parent()
    # Until it sets up its own signals, a worker has the master's, which would swallow an early TERM.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def post_worker_init(worker: Any) -> None:
    """Clear up after a process that was killed, settle who writes streams, and what need not be looked through."""
    # Here, not above: the master must not load the app's modules.
    from webapp import leftovers, web_worker

    leftovers.clear(worker.wsgi.extensions["headway"])
    web_worker.choose_writer(worker, _settings.stream_writer)
    web_worker.spare_the_collector()
