"""The doors: the command line and the rendered report."""
