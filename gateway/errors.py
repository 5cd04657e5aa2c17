"""From failures to public words: the only table.

What went wrong in detail is for the log; the person gets one of these words and a generic text.
"""

from __future__ import annotations

from gateway.stores import Limited, StoreUnavailable
from providers import LoginError, Reason, Rejected, Unavailable

BADREQUEST = "BADREQUEST"
BADOP = "BADOP"
MISSINGAPPID = "MISSINGAPPID"
BADAPP = "BADAPP"
BADPROVIDER = "BADPROVIDER"
BADPHONE = "BADPHONE"
BADEMAIL = "BADEMAIL"
BADOTP = "BADOTP"
BADLOGIN = "BADLOGIN"
RATELIMIT = "RATELIMIT"
UNAVAILABLE = "UNAVAILABLE"

WORDS = {
    Reason.LOGIN: BADLOGIN,
    Reason.CODE: BADOTP,
    Reason.PHONE: BADPHONE,
    Reason.EMAIL: BADEMAIL,
}

# Title and text that an app shows on a refused first step. They never echo input.
TEXTS = {
    BADREQUEST: ("Sign-in failed", "Something is missing in this request."),
    BADOP: ("Not supported", "This app asked for something unknown."),
    MISSINGAPPID: ("Sign-in failed", "This app did not say which app it is."),
    BADAPP: ("Sign-in failed", "This app may not sign in here."),
    BADPROVIDER: ("Sign-in failed", "This way of signing in is not offered."),
    BADPHONE: ("Invalid phone number", "Please check the phone number and try again."),
    BADEMAIL: ("Invalid email address", "Please check the email address and try again."),
    BADOTP: ("Invalid code", "Please check the code and try again."),
    BADLOGIN: ("Sign-in failed", "Please check your name and password and try again."),
    RATELIMIT: ("Too many attempts", "Please wait a while and try again."),
    UNAVAILABLE: ("Not available", "Please try again in a moment."),
}


class Refusal(LoginError):
    """A login that ends here: a public word, and seconds after which trying again may help.

    A ``LoginError``, since it may end a login from inside a provider (``Attempt.claim``).
    """

    def __init__(self, word: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.word = word
        self.retry_after = retry_after


class TooMany(Refusal):
    """A full window, as the person is told of it."""

    def __init__(self, limit: Limited) -> None:
        super().__init__(RATELIMIT, f"limit {limit.window.name}", limit.retry_after_ms / 1000)
        self.window = limit.window


def refusal(error: LoginError | StoreUnavailable) -> Refusal:
    """What the person is told of a failure."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Rejected):
        return Refusal(WORDS[error.reason], str(error))
    retry_after = error.retry_after if isinstance(error, Unavailable) else None
    return Refusal(UNAVAILABLE, str(error), retry_after)
