"""The little language in which runs are asked for, as in `status = 'failed' and created > -2h`."""
