"""Other engines, each behind the two words of `benchmarks.steps`: open it, run a run."""
