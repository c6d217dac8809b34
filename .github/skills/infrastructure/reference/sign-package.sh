physai registry sign reach-v2 --key keys/cosign.key
