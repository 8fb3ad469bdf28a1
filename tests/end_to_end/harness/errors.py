"""What a failed call says, and the details beside its code."""

import grpc

from . import stubs

DETAILS_KEY = "grpc-status-details-bin"
RETRY_INFO_URL = "type.googleapis.com/google.rpc.RetryInfo"


def details_of(error):
    """The StatusDetails in the trailing metadata, None without."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            return stubs.error.StatusDetails.FromString(value)
    return None


def retry_delay_of(error):
    """The delay of RetryInfo in seconds, None without."""
    details = details_of(error)
    for detail in details.details if details else ():
        if detail.type_url == RETRY_INFO_URL:
            delay = stubs.error.RetryInfo.FromString(detail.value).retry_delay
            return delay.seconds + delay.nanos / 1e9
    return None


class StatusAssertions:
    """For a unittest.TestCase: what a failed call must say."""

    def assert_fails(self, code, words, call, *arguments, **options):
        """The call fails with the code and a message with all the words; returns the error."""
        options.setdefault("timeout", 20)
        with self.assertRaises(grpc.RpcError) as raised:
            call(*arguments, **options)
        error = raised.exception
        self.assertEqual(error.code(), code, error.details())
        for word in words:
            self.assertIn(word, error.details())
        return error
