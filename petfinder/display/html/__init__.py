"""Values as HTML for notebooks and the page: no script, nothing loaded from elsewhere."""
