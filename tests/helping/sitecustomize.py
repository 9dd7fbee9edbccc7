"""Python runs this first in every process whose PYTHONPATH has this folder; see tests.in_helpers."""

from tests.in_helpers import install, is_helper

if is_helper():
    install()
