"""What things are: services, operations, effects, workflows, messages, calls; frozen nouns without input or output."""
