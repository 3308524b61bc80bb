"""The stream engine: what changed is read once, rendered once and handed to everyone who watches.

transport ──wake──▶ hub ──state──▶ rendering ──messages──▶ watcher ──bytes──▶ writer
"""
