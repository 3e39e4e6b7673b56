"""The HTTP interface: `app` puts it together, `access` says who is asking, each other file is one subject."""
