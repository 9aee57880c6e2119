"""Reference systems built with weft: read them, run them, copy them."""
