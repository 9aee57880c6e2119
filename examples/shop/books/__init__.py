"""The shop's books, computed a second time: from the invoices alone, with no code of weft or of the services."""
