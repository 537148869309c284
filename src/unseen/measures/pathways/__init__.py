"""Which units inside a network carry its answers, and whether those of seen and unseen inputs are the same (extra ``torch``)."""
