"""Editors are written to when the record of their partner is to be checked again."""

from pathlib import Path

from sqlalchemy import text

from services.directory.assurance import render_due
from services.directory.periods import REVIEW_NOTICE
from tests.notify.mail_folder import mailed, mails_in
from tests.notify.served_notify import notify_settings, serve_notify
from tests.served_directory import ServedDirectory


async def test_an_editor_is_written_to_once_for_each_step(
    notify_database_url: str, directory: ServedDirectory, tmp_path: Path
) -> None:
    """When the review is due and when it is overdue; nobody else is, nor who has no address."""
    settings = notify_settings(
        notify_database_url,
        directory.redis_url,
        MAIL_URL=f"file://{tmp_path}",
        MAIL_IDLE_SECONDS="0.02",
    )
    async with serve_notify(settings, directory):
        record = await directory.create("Sea Fisheries Watch")
        for role, partner_id, email in (
            ("editor", record["id"], "editor@example.org"),
            ("editor", record["id"], None),
            ("member", None, "member@example.org"),
        ):
            await directory.account_with_id(role, partner_id=partner_id, email=email)
        await directory.client.post(
            f"/partners/{record['id']}/assurance",
            json={"method": "letter"},
            headers={**await directory.signed_in(), "If-Match": '"1"'},
        )
        await _review(directory, "2999-01-01", notice_days=400_000)
        await _review(directory, "2026-01-01", notice_days=30)
        due, overdue = await mailed(tmp_path, 2)
        assert (due["To"], due["Subject"]) == (
            "editor@example.org",
            "Please check the record of Sea Fisheries Watch",
        )
        assert "is to be checked by 2999-01-01" in due.get_content()
        assert record["id"] in due.get_content()
        assert "should have been checked by 2026-01-01" in overdue.get_content()
        # Mail is written in the order of the log, so once this one lies there, none is missing.
        await directory.account_with_id("editor", partner_id=record["id"], email="last@example.org")
        await _review(directory, "2999-01-01", notice_days=400_000)
        await mailed(tmp_path, 4)
        assert sorted(mail["To"] for mail in mails_in(tmp_path)) == [
            *["editor@example.org"] * 3,
            "last@example.org",
        ]


async def _review(directory: ServedDirectory, day: str, notice_days: int) -> None:
    """Let the review of what is assured be on that day; then the loop looks."""
    async with directory.app.state.database.transaction() as session:
        session.info[REVIEW_NOTICE] = notice_days
        await session.execute(
            text(
                "UPDATE partner SET changes_at = '2020-01-01 00:00:00', "
                f"next_review_at = '{day} 00:00:00' WHERE assured_at IS NOT NULL"
            )
        )
        await render_due(session)
