"""What a directory process holds while it runs."""

from services.directory.anonymous_writes import ANONYMOUS_WRITES
from services.directory.assurance import REVIEW_PERIODS
from services.directory.duplicates.finding import KEY_COUNTS, KeyCounts
from services.directory.merging import UNDO_PERIOD
from services.directory.periods import CONFIRMATION, CONTACT_VERIFICATION, REVIEW_NOTICE
from services.directory.settings import Settings
from shared.databases import Database


def open_database(settings: Settings) -> Database:
    """The directory's database; its sessions know what the rules need of the settings."""
    return Database(
        settings.database_url,
        info={
            "public_url": settings.public_url,
            REVIEW_PERIODS: settings.review_periods,
            REVIEW_NOTICE: settings.review_notice_days,
            CONTACT_VERIFICATION: settings.contact_verification_days,
            CONFIRMATION: settings.confirmation_days,
            ANONYMOUS_WRITES: settings.anonymous_writes_per_hour,
            UNDO_PERIOD: settings.merge_undo_days,
            KEY_COUNTS: KeyCounts(),
        },
    )
