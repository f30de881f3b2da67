"""What at least two of the services use: records, events, audience, HTTP conventions."""
