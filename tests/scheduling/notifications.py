"""What mail servers send back, as they word it: delivery status notifications, answers of machines, and rubbish."""

from textwrap import indent

LETTER = "<7f6c0e5a-2b1c-4a4e-9a57-0f5d9f3b8e21@vivavoce.invalid>"


def notification(
    letter: str = LETTER,
    *,
    action: str = "failed",
    quoted: str = "text/rfc822-headers",
    report: str = "delivery-status",
    fields: str = "Diagnostic-Code: smtp; 550 5.1.1 <witness@samplia.invalid>: no such\n    person here",
    head: str = "",
    boundary: str = "=_b/1",
) -> bytes:
    """A notification as RFC 3464 has it. `quoted`: the type of the part with the original, or nothing."""
    original = f"From: court@exampleton.invalid\nMessage-ID: {letter}\nSubject: x\n"
    body = f"{original}\nThe letter itself.\n" if quoted == "message/rfc822" else original
    third = f"--{boundary}\nContent-Type: {quoted}\n\n{body}\n" if quoted else ""
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mail.samplia.invalid\nTo: court@exampleton.invalid\n"
        f"Auto-Submitted: auto-replied\n{head}MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={report};\n    boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain\n\nI could not deliver this.\n"
        f"--{boundary}\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.samplia.invalid\n\n"
        f"Final-Recipient: rfc822; witness@samplia.invalid\nAction: {action}\nStatus: 5.1.1\n{fields}\n\n"
        f"{third}--{boundary}--\n"
    ).encode()


def holiday(letter: str = LETTER) -> bytes:
    """An answer of a machine (RFC 3834) that quotes the whole letter."""
    return (
        "Return-Path: <>\nFrom: witness@samplia.invalid\nTo: court@exampleton.invalid\n"
        f"Auto-Submitted: auto-replied\nIn-Reply-To: {letter}\nReferences: {letter}\n"
        "Subject: Out of office\nContent-Type: text/plain\n\nI am away until Monday.\n\n"
        + indent(f"Message-ID: {letter}\nAction: failed\n", "> ")
    ).encode()


def by_hand(letter: str = LETTER) -> bytes:
    """A person's answer with the letter attached."""
    return (
        "From: witness@samplia.invalid\nTo: court@exampleton.invalid\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nAction: failed\n'
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: {letter}\n\nText.\n--b--\n"
    ).encode()


RUBBISH = (
    b"",
    b"\x00\xff" * 1000,
    b"Content-Type: multipart/report; report-type=delivery-status\n\nno boundary",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n--b--\n",
    b"Content-Type: message/delivery-status\n\nAction: failed\n",
    notification("not a message identifier"),
    notification("<a@b>, <c@d>"),
    notification().replace(b"Action: failed\n", b""),
    notification()[:300],
    notification(quoted=""),
    b"Content-Type: multipart/mixed; boundary=b\n\n" * 5000,
    b"\n".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d" % (n, n) for n in range(5000)),
    b"Content-Type: =?utf-8?b?/w==?=; report-type*0*=''%ff\n\n",
    notification() + b"x" * 2_000_000,
)
