"""Thin wrappers around outside libraries that kinds use; one file a library or task.

Engines know nothing of jobs, Flask, Redis or SQL records. What they refuse they refuse with JobError.
"""
