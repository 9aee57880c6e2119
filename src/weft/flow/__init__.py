"""What a workflow may do: the verbs, the proxies, and the two context variables they look at."""
