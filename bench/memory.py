"""What each process holds in memory after all that was asked of it."""

from bench.figures import Figure, stated
from bench.measured_network import MeasuredNetwork


def measure_memory(network: MeasuredNetwork) -> list[Figure]:
    """One figure a process."""
    return [
        stated(f"memory of {name}", f"{megabytes:.0f} MB", "RSS after load")
        for name, megabytes in network.memory().items()
    ]
