"""The directory: the truth about partners and topics, and the log of what happened to them."""
