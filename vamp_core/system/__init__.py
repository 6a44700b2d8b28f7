"""The machine underneath: what it multiplies in, what it prints, and files that are written whole."""
