"""Values as matplotlib figures. Needs the `notebook` extra."""
