"""The error for a refused generator."""

import pytest

from brgm_tf.core.errors import InputError


def refusal(function, *arguments, **options):
    """Returns the error, which has one line, with which the call refuses its `generator`."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert message.startswith("`generator` ")
    assert "\n" not in message
    return message
