"""How a language model reads one text: what it expects, where it looks, what it takes for alike."""
