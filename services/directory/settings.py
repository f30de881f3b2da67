"""What the directory can be told from its environment."""

from collections.abc import Mapping

from pydantic import Field

from services.directory.review_periods import read_review_periods
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The directory's settings."""

    port: int = Field(alias="DIRECTORY_PORT", default=8001, description="Port to listen on.")
    database_url: str = Field(
        alias="DIRECTORY_DATABASE_URL",
        default="",
        description="sqlite:///… or postgresql://…; empty: a SQLite file below VAR_DIR.",
    )
    public_url: str = Field(
        alias="DIRECTORY_PUBLIC_URL",
        default="",
        description="The directory's address for the outside, also in links that are mailed; "
        "empty: DIRECTORY_URL.",
    )
    encryption_keys: str = Field(
        alias="ENCRYPTION_KEYS",
        min_length=44,
        description="Fernet keys, the newest first; they seal the keys that sign tokens.",
    )
    bootstrap_client_id: str = Field(
        alias="BOOTSTRAP_CLIENT_ID",
        default="",
        max_length=100,
        description="Client id of the first secretariat account, made at start.",
    )
    bootstrap_client_secret: str = Field(
        alias="BOOTSTRAP_CLIENT_SECRET", default="", description="Its secret."
    )
    token_seconds: int = Field(
        alias="TOKEN_SECONDS", default=600, ge=30, le=3600, description="Life of an access token."
    )
    review_days: int = Field(
        alias="REVIEW_DAYS", default=365, ge=1, description="Days until an assured record is due."
    )
    review_days_by_kind: str = Field(
        alias="REVIEW_DAYS_BY_KIND",
        default="",
        max_length=1_000,
        description="The same for levels and sectors, as international=180,law_enforcement=90; "
        "the shortest that fits a partner counts.",
    )
    review_notice_days: int = Field(
        alias="REVIEW_NOTICE_DAYS",
        default=30,
        ge=0,
        description="A review is due so early.",
    )
    contact_verification_days: int = Field(
        alias="CONTACT_VERIFICATION_DAYS",
        default=365,
        ge=1,
        le=36_500,
        description="Days until the verification of a contact point expires.",
    )
    confirmation_days: int = Field(
        alias="CONFIRMATION_DAYS",
        default=14,
        ge=1,
        le=365,
        description="Days in which a contact point that was asked may confirm itself.",
    )
    anonymous_writes_per_hour: int = Field(
        alias="ANONYMOUS_WRITES_PER_HOUR",
        default=60,
        ge=0,
        description="Disputes and proposals an hour without an account, by all together.",
    )
    merge_undo_days: int = Field(
        alias="MERGE_UNDO_DAYS",
        default=30,
        ge=0,
        description="Days in which a merge can be undone.",
    )
    stream_length: int = Field(
        alias="STREAM_LENGTH",
        default=100_000,
        ge=1_000,
        description="About how many events Redis keeps; older ones are read from /changes.",
    )
    relay_idle_seconds: float = Field(
        alias="RELAY_IDLE_SECONDS",
        default=0.05,
        gt=0,
        description="How often the relay looks for events that another process has written.",
    )
    hot_records: int = Field(
        alias="HOT_RECORDS", default=20_000, ge=0, description="Answers kept ready in memory."
    )
    import_max_bytes: int = Field(
        alias="IMPORT_MAX_BYTES",
        default=256 * 2**20,
        ge=1_024,
        description="Largest file of an import as it is sent, in bytes.",
    )
    import_max_unpacked_bytes: int = Field(
        alias="IMPORT_MAX_UNPACKED_BYTES",
        default=2**30,
        ge=1_024,
        description="Largest file of an import when it is unpacked, in bytes.",
    )
    import_max_rows: int = Field(
        alias="IMPORT_MAX_ROWS", default=500_000, ge=1, description="Most rows of an import."
    )
    import_max_row_bytes: int = Field(
        alias="IMPORT_MAX_ROW_BYTES",
        default=1_048_576,
        ge=1_024,
        description="Longest row of an import, in bytes; a longer one is refused by itself.",
    )
    import_days: int = Field(
        alias="IMPORT_DAYS",
        default=30,
        ge=1,
        description="Days that an import that has ended and its report are kept.",
    )

    @property
    def review_periods(self) -> dict[str, int]:
        """Days until a review by level or sector; `*` for all others.

        Raises:
            ValueError: a part of the setting is not kind=days.
        """
        return read_review_periods(self.review_days, self.review_days_by_kind)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`.

        Raises:
            pydantic.ValidationError: one is missing or contradicts another.
        """
        settings = cls.model_validate(dict(environ))
        if bool(settings.bootstrap_client_id) != bool(settings.bootstrap_client_secret):
            raise ValueError("BOOTSTRAP_CLIENT_ID and BOOTSTRAP_CLIENT_SECRET go together")
        _ = settings.review_periods
        return settings.model_copy(
            update={
                "database_url": settings.database_url
                or f"sqlite:///{settings.var_dir}/directory/directory.db",
                "public_url": (settings.public_url or settings.directory_url).rstrip("/"),
            }
        )
