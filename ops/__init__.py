"""How the three services run: on one machine by `make run`, in containers by compose."""
