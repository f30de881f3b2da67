"""The settings that all services have; docs/settings.md lists every one."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ServiceSettings(BaseModel):
    """What every service can be told from its environment; other variables are left alone."""

    # Without the input: what is refused at start is logged, and secrets are among it.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    host: str = Field(alias="HOST", default="127.0.0.1", description="Address to listen on.")
    redis_url: str = Field(
        alias="REDIS_URL",
        default="redis://127.0.0.1:6379/0",
        description="Redis 7 or Valkey 8, or newer: the fast path of events.",
    )
    directory_url: str = Field(
        alias="DIRECTORY_URL",
        default="http://127.0.0.1:8001",
        description="Where the services reach the directory.",
    )
    search_url: str = Field(
        alias="SEARCH_URL",
        default="http://127.0.0.1:8002",
        description="Where the services reach search.",
    )
    notify_url: str = Field(
        alias="NOTIFY_URL",
        default="http://127.0.0.1:8003",
        description="Where the services reach notify.",
    )
    var_dir: Path = Field(
        alias="VAR_DIR", default=Path("var"), description="Folder for what a service writes."
    )
    service_client_id: str = Field(
        alias="SERVICE_CLIENT_ID",
        default="services",
        max_length=100,
        description="Client id by which our services sign in at the directory.",
    )
    service_client_secret: str = Field(
        alias="SERVICE_CLIENT_SECRET", min_length=16, description="Its secret."
    )
    cors_origins: str = Field(
        alias="CORS_ORIGINS",
        default="",
        description="Origins, separated by commas, whose pages may call; `*` for all.",
    )
    max_body_bytes: int = Field(
        alias="MAX_BODY_BYTES", default=1_048_576, ge=1_024, description="Largest request body."
    )
    worker: Literal["on", "off"] = Field(
        alias="WORKER",
        default="on",
        description="`off`: the loops run in `python -m services.<name>.worker` instead.",
    )
    migrate_on_start: Literal["on", "off"] = Field(
        alias="MIGRATE_ON_START",
        default="on",
        description="`off`: run `python -m services.<name>.migrate` before the start.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        alias="LOG_LEVEL", default="info", description="Least level that is logged."
    )

    @property
    def cors_origin_list(self) -> list[str]:
        """The origins of CORS_ORIGINS, one by one."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]
