"""The execution of one run: pure, told entries, answering with commands; it knows no store and no network."""
