"""Finding records of one and the same body: what is compared, where to look, what it is worth."""
