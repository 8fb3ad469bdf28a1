"""Starts real nodes and speaks to them, for the tests outside the process."""
