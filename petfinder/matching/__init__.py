"""Matching: what a photo, a place, a day and facts say together about who an animal is."""
