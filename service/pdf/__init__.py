"""The report as a PDF/A file for people who work on paper: made by Typst, from what `service.render` shows."""
