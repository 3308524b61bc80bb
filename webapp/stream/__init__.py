"""The stream engine: what changed is read once, rendered once and handed to everyone who watches.

transport ──word──▶ hub, agenda ──▶ memory ──state──▶ feed, rendering ──update──▶ generator or epoll ──bytes──▶ watchers

`writer` holds what the two ways of answering share; `handoff` takes sockets over from the web server for `epoll`.
"""
