"""What notify can be told of its live stream from its environment."""

from pydantic import Field

from shared.settings import ServiceSettings


class StreamSettings(ServiceSettings):
    """The part of notify's settings that is about the live stream."""

    stream_readers: int = Field(
        alias="STREAM_READERS",
        default=4_000,
        ge=1,
        description="Streams that one process has open at a time; fewer where it may open fewer "
        "files.",
    )
    stream_readers_per_caller: int = Field(
        alias="STREAM_READERS_PER_CALLER",
        default=2_500,
        ge=1,
        description="How many of them one account has, or one address that has not signed in.",
    )
    stream_heartbeat_seconds: float = Field(
        alias="STREAM_HEARTBEAT_SECONDS",
        default=15,
        gt=0,
        description="How often a stream says something when there is nothing to tell.",
    )
    stream_stall_seconds: float = Field(
        alias="STREAM_STALL_SECONDS",
        default=5,
        gt=0,
        description="A reader that takes nothing for so long is cut off; it can resume.",
    )
    stream_kept_events: int = Field(
        alias="STREAM_KEPT_EVENTS",
        default=1_000,
        ge=1,
        description="Events kept in memory, once for all readers, to send and to resume from.",
    )
    stream_kept_bytes: int = Field(
        alias="STREAM_KEPT_BYTES",
        default=8_388_608,
        ge=1,
        description="Most bytes of them, as JSON; what is older comes from the directory.",
    )
    stream_resume_events: int = Field(
        alias="STREAM_RESUME_EVENTS",
        default=10_000,
        ge=0,
        description="A reader further behind is told to begin from an export (`reset`).",
    )
