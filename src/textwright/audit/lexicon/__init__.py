"""Words that name groups of people, by language: found in texts, masked, or changed to another group."""
