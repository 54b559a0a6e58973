"""Personal data and secrets in texts, by rules that need no model and no download: names are not checked."""
