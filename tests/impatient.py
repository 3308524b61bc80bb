"""The web application with little patience, for tests of what otherwise takes half a minute. For a WSGI server."""

from webapp import streaming
from webapp.app import create_app
from webapp.stream.writer import Timing

HEARTBEAT, STALLED_AFTER = 0.3, 1.0

app = create_app()
streaming.init_app(app, app.extensions["headway"], Timing(heartbeat=HEARTBEAT, stalled_after=STALLED_AFTER))
