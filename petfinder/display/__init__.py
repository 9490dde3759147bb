"""What people see: matches, pets and owners as text, HTML and figures. Reads no file and asks no registry."""
