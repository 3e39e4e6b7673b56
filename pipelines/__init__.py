"""Many recordings, many devices, and the sandbox that decodes them."""
