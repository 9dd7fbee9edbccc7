"""The tuner against modelled galleries, on a clock that costs no time."""
