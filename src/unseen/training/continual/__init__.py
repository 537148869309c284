"""Tasks one after another: rehearsal, penalties and null spaces."""
