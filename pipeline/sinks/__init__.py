"""Where captions go: one Protocol, one file a kind of table."""
