"""The end of a call, as its dialog gets it."""


class CallEnded(Exception):
    """The call is over: nothing more can be said or asked.

    Raised at the dialog's current await when either side ends the call. A dialog need not catch it.
    """
