"""What search can be told from its environment."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Search's settings."""

    port: int = Field(alias="SEARCH_PORT", default=8002, description="Port to listen on.")
    database_url: str = Field(
        alias="SEARCH_DATABASE_URL",
        default="",
        description="sqlite:///… or postgresql://…; empty: a SQLite file below VAR_DIR.",
    )
    index_dir: Path = Field(
        alias="SEARCH_INDEX_DIR",
        default=Path(),
        description="Folder of the index, one for each replica; empty: a folder below VAR_DIR.",
    )
    insights_least: int = Field(
        alias="INSIGHTS_LEAST",
        default=3,
        ge=2,
        description="A question is shown when it was searched so often in the period.",
    )
    insights_days: int = Field(
        alias="INSIGHTS_DAYS",
        default=90,
        ge=1,
        le=3_650,
        description="Days, today included, of which search counts are kept.",
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`.

        Raises:
            pydantic.ValidationError: one is missing or is not what it should be.
        """
        settings = cls.model_validate(dict(environ))
        folder = settings.var_dir / "search"
        return settings.model_copy(
            update={
                "database_url": settings.database_url or f"sqlite:///{folder}/search.db",
                "index_dir": folder / "index"
                if settings.index_dir == Path()
                else settings.index_dir,
            }
        )
