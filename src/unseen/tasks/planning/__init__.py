"""Planning problems with optimal plans and a plan validator."""
