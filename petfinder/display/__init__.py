"""What people see: matches, pets and owners as text, HTML and figures. Reads files only of photos without thumbnail."""
