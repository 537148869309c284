"""Published claims in executable form, one file a study."""
