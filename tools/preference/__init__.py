"""Parts of tools/preference_study.py."""
