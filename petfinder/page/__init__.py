"""What people click: the desk and who may do what, widgets for notebooks, and the page. May use every room below."""
