"""The measurements of `make bench`: what the services do, as ratios to what could be done."""
