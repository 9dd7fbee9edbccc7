"""Which hosts are public: every way to write this computer or the network around it is known."""

from __future__ import annotations

import pytest

from importer.manifest.addresses import is_odd_number, not_public, not_public_host


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.0.1",
        "172.32.0.1", "192.167.1.1", "192.169.1.1", "11.0.0.1", "169.253.1.1", "223.255.255.255",
        "198.17.0.1", "198.20.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860::8888",
        "64:ff9b::808:808",
    ],
)  # fmt: skip
def test_public_addresses_are_public(address):
    assert not not_public(address)
    assert not not_public_host(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "this computer's own"), ("127.255.255.254", "this computer's own"),
        ("0.0.0.0", "means this computer"), ("0.1.2.3", "means this computer"),
        ("10.0.0.1", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"),
        ("192.168.1.1", "private"), ("100.64.0.1", "provider's"), ("100.127.255.255", "provider's"),
        ("169.254.169.254", "link-local"), ("192.0.0.8", "reserved"), ("192.0.2.1", "documentation"),
        ("192.88.99.1", "reserved"), ("198.18.0.1", "measurements"), ("198.19.255.255", "measure"),
        ("198.51.100.7", "documentation"), ("203.0.113.7", "documentation"),
        ("224.0.0.1", "multicast"), ("239.255.255.250", "multicast"), ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "means this computer"), ("::1", "this computer's own"),
        ("::ffff:127.0.0.1", "disguise"), ("::ffff:8.8.8.8", "disguise"), ("::7f00:1", "disguise"),
        ("64:ff9b::7f00:1", "this computer's own"), ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::1", "private"), ("100::1", "reserved"), ("2001::1", "reserved"),
        ("2001:10::1", "reserved"), ("2001:db8::1", "documentation"), ("2002:7f00:1::", "disguise"),
        ("3fff::1", "documentation"), ("4000::1", "reserved"), ("5f00::1", "reserved"),
        ("fc00::1", "private"), ("fd12:3456::1", "private"), ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"), ("2606:4700::1%1", "link-local"), ("fec0::1", "private"),
        ("ff02::1", "multicast"),
    ],
)  # fmt: skip
def test_all_others_are_not_and_say_why(address, why):
    """Written as a host they are the same, with brackets too."""

    assert why in not_public(address)
    assert why in not_public_host(address)
    assert why in not_public_host(f"[{address}]")


@pytest.mark.parametrize("text", ["", "host", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "1.1.1.01"])
def test_what_is_no_address_is_not_public(text):
    assert not_public(text) == "is no address"


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("127.1", "127.0.0.1"), ("127.0.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"), ("127.000.000.001", "127.0.0.1"), ("127.1.", "127.0.0.1"),
        ("0", "0.0.0.0"), ("0x", "0.0.0.0"), ("10.1", "10.0.0.1"), ("3232235777", "192.168.1.1"),
        ("0xA9.0xFE.0xA9.0xFE", "169.254.169.254"), ("0xa9fea9fe", "169.254.169.254"),
        ("134744072", "8.8.8.8"), ("8.8.2056", "8.8.8.8"),
    ],
)  # fmt: skip
def test_odd_spellings_are_never_public(host, meant):
    """Programs differ in what they take them for, so what one checks another one may not reach."""

    assert is_odd_number(host)
    assert not_public_host(host) == f"is an odd way to write {meant}"


@pytest.mark.parametrize(
    "host", ["256.0.0.1", "1.2.3.4.5", "a.1", "0x100000000", "4294967296", "09.1.1.1", "x.0x"]
)
def test_what_only_looks_like_a_number_is_never_public(host):
    assert is_odd_number(host)
    assert not_public_host(host) == "is no address"


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "localhost..", "a.localhost", "printer.local",
        "nas", "nas.", "intranet", "db.internal", "metadata.google.internal.", "nas.home.arpa",
        "fritz.home", "x.lan", "host.localdomain", "x.corp",
        "\uff4cocalhost", "localhost\u3002", "\uff11\uff12\uff17.0.0.1", "127\u30020\uff0e0\uff611",
    ],
)  # fmt: skip
def test_local_names_are_not_public(host):
    """With dots at the end, in capitals, and in other letters that are read as these."""

    assert not_public_host(host)


@pytest.mark.parametrize(
    "host",
    ["example.com", "example.com.", "old.example.org", "localhost.example.com", "127.example.com",
     "local.host", "0x7f.example.com", "xn--bcher-kva.example", "bücher.example", "internal.net"],
)  # fmt: skip
def test_other_names_may_be_public(host):
    """What they lead to is judged once they are resolved."""

    assert not not_public_host(host)
    assert not is_odd_number(host)
