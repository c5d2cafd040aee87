"""The QA kit: call scripts, SIPp scenarios, and verdicts about what was heard, against any bot or IVR (docs/qa.md)."""
