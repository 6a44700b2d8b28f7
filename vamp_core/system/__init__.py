"""The machine underneath: what it multiplies in, what it prints, tensors that become arrays, files written whole."""
