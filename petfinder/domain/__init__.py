"""Pets, photos, filters, matches, verdicts and errors: plain values. Imports no other room."""
