"""The nouns in SQL: rows, verbs, queries. No Flask, no Redis."""

# Whoever reads jobs may meet a batch among them.
from webapp.records import batch as batch
