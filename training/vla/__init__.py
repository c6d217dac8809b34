"""Vision-language-action policies: told their task in words, fine-tuned from pretrained weights."""
