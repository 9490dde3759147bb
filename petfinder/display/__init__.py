"""What people see: matches, pets and owners as text, as HTML and as figures.

Knows the values that are shown and nothing of stores or encoders; reads no file and asks no registry.
"""
