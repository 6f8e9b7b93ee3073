"""Which addresses can carry sound and picture, and what is said of those that cannot."""

import pytest

from media.addresses import Implausible, Way, check_here, read_ways


@pytest.mark.parametrize(
    ("listen", "announce", "ways"),
    [
        ("127.0.0.1", "", [("127.0.0.1", "127.0.0.1")]),
        ("192.0.2.7, 2001:DB8::7,", "", [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7")]),
        ("10.0.0.7", "203.0.113.5", [("10.0.0.7", "203.0.113.5")]),
        ("10.0.0.7,2001:db8::7", "203.0.113.5", [("10.0.0.7", "203.0.113.5"), ("2001:db8::7",) * 2]),
        ("0.0.0.0,::", "203.0.113.5,2001:db8::5", [("0.0.0.0", "203.0.113.5"), ("::", "2001:db8::5")]),
        ("10.0.0.7,10.0.1.7", "203.0.113.5", [("10.0.0.7", "203.0.113.5"), ("10.0.1.7", "203.0.113.5")]),
        ("127.0.0.1", "127.0.0.2", [("127.0.0.1", "127.0.0.2")]),
    ],
)
def test_each_address_is_told_as_it_is_set(listen, announce, ways):
    assert read_ways(listen, announce) == tuple(Way(*way) for way in ways)


@pytest.mark.parametrize(
    ("listen", "announce", "said"),
    [
        ("", "", "No address is named to listen on."),
        (" , ", "", "No address is named to listen on."),
        ("media.court.example", "", "is not an address such as 192.0.2.7"),
        ("192.0.2.7:3478", "", "is not an address"),
        ("192.0.2.7", "court.example", "court.example is not an address"),
        ("192.0.2.7,192.0.2.7", "", "named twice"),
        ("2001:db8::7,2001:DB8:0::7", "", "named twice"),
        ("0.0.0.0", "", "0.0.0.0 listens on every address of this machine, and no browser"),
        ("::", "", ":: listens on every address of this machine"),
        ("0.0.0.0,::", "203.0.113.5", ":: listens on every address of this machine"),
        (
            "192.0.2.7",
            "0.0.0.0",
            "0.0.0.0 is announced for 192.0.2.7, but no browser can be told to go there",
        ),
        ("192.0.2.7", "2001:db8::7", "2001:db8::7 is announced for 192.0.2.7, which is of the other family."),
        ("192.0.2.7,192.0.2.8", "2001:db8::7", "nothing of its family is listened on"),
        ("192.0.2.7,2001:db8::7", "2001:db8::5,203.0.113.5", "which is of the other family"),
        ("192.0.2.7", "203.0.113.5,203.0.113.6", "2 addresses are announced for 1 listened on"),
        ("fe80::1", "", "fe80::1 cannot carry sound and picture"),
        ("fe80::1%lo", "", "cannot carry sound and picture"),
        ("224.0.0.1", "", "cannot carry sound and picture"),
        ("::ffff:192.0.2.7", "", "cannot carry sound and picture"),
        ("127.0.0.1", "203.0.113.5", "127.0.0.1 is reached from this machine alone"),
        ("192.0.2.7", "127.0.0.1", "127.0.0.1 is reached from this machine alone"),
    ],
)
def test_what_cannot_work_is_told_in_a_sentence(listen, announce, said):
    with pytest.raises(Implausible) as refused:
        read_ways(listen, announce)
    assert said in str(refused.value)
    assert str(refused.value).endswith(".")


def test_an_address_must_be_this_machines():
    check_here(read_ways("127.0.0.1,::1"))
    check_here(read_ways("0.0.0.0", "203.0.113.5"))
    with pytest.raises(Implausible, match=r"192\.0\.2\.7 is no address of this machine\."):
        check_here(read_ways("127.0.0.1,192.0.2.7"))
