"""From a file of invoices to orders, returns and goods on the shelf: what the shop is fed with."""
