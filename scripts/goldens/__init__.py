"""Parts of scripts/goldens.py; see there."""
