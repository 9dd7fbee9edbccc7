"""Commands under test heed Ctrl-C, however the tests were started."""

import pytest

from tests.crash.command import heed_ctrl_c


@pytest.fixture(autouse=True)
def ctrl_c_is_heeded() -> None:
    heed_ctrl_c()
