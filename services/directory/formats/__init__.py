"""Partners and topics in the formats of others; each file knows one of them, both ways."""
