"""Sending deliveries to endpoints, and writing down what came of each attempt."""
