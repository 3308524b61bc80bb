"""A batch of jobs, as one job: no worker takes it, and its state follows from theirs."""

from __future__ import annotations

from webapp.kinds.base import Kind, Stage
from webapp.records.job import BATCH


class Batch(Kind):
    name = BATCH
    label = "Batch"
    description = "Jobs that were started together."
    stages = (Stage("jobs", unit="jobs"),)
    offered = False
