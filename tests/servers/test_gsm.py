import pytest

from tests.servers import gsm


def test_the_alphabet_is_complete() -> None:
    assert len(set(gsm.BASIC)) == len(gsm.BASIC) == 127  # and the escape
    assert len(set(gsm.EXTENSION)) == 10
    assert not set(gsm.BASIC) & set(gsm.EXTENSION)


@pytest.mark.parametrize(
    ("text", "arrives"),
    [("Wählen: {042137} €", "Wählen: {042137} €"), ("`日本` \U0001f511 ç", "???? ? ?")],
)
def test_what_is_not_in_the_alphabet_is_lost(text: str, arrives: str) -> None:
    assert gsm.plain(text) == arrives


@pytest.mark.parametrize(
    ("text", "unicode", "parts"),
    [
        ("a" * 160, False, 1),
        ("a" * 161, False, 2),
        ("a" * 306, False, 2),
        ("a" * 307, False, 3),
        ("€" * 80, False, 1),
        ("€" * 81, False, 2),
        ("日" * 70, True, 1),
        ("日" * 71, True, 2),
        ("\U0001f511" * 35, True, 1),
        ("\U0001f511" * 36, True, 2),
    ],
)
def test_a_long_text_is_several_messages(text: str, unicode: bool, parts: int) -> None:
    assert gsm.parts(text, unicode=unicode) == parts
