"""The rows of docs/security/threats.md, each attack done from outside on running programs and their files."""
