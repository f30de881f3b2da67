"""The live stream: Server-Sent Events of what the log brings, to whoever listens."""
