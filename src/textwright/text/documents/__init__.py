"""Raw text to learn a language from: documents of many files, what comes again left out, tokens on disk."""
