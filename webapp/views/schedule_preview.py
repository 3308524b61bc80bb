"""What a cron expression means, told while it is being typed."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webapp.views.schedule_form import Form

bp = Blueprint("schedule_preview", __name__)


@bp.get("/schedules/preview")
def show() -> str:
    form = Form("", request.args.get("cron", ""), request.args.get("zone", ""), "", False)
    return render_template("schedules/_preview.html", preview=form.preview())
