"""Headway: a console for background jobs whose progress people watch live."""
