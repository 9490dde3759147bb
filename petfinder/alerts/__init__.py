"""Alerts: who is told of new pairs, in which words, at least once each. Knows the display and what is below it."""
