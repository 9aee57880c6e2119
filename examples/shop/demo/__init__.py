"""The demo: real orders run through the shop, whatever breaks, and the books balance at the end."""
