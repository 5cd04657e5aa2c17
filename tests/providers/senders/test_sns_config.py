"""Amazon SNS: which configurations can work, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from providers._senders.sns import SnsConfig
from tests.providers.sending import NewSender
from tests.servers import sns

ACCOUNT = {
    "region": sns.REGION,
    "aws_access_key_id": sns.ACCESS_KEY_ID,
    "aws_secret_access_key": sns.SECRET_ACCESS_KEY,
}


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "sns.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "sns.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "sns.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "sns.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_each_region_has_its_endpoint(new_sender: NewSender, region: str, host: str) -> None:
    upstream = new_sender(SnsConfig, **{**ACCOUNT, "region": region})._upstream
    assert (upstream._host, upstream._port, upstream._tls is None) == (host, 443, False)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"region": "eu-west"}, "pattern"),
        ({"region": "EU-WEST-1"}, "pattern"),
        ({"region": "eu-west-1.example.com/"}, "pattern"),
        ({"region": "eu-west-1\n"}, "pattern"),
        ({"region": "Ireland"}, "pattern"),
        ({"aws_access_key_id": "AKIA5EXAMPLE5EX"}, "must be an access key ID"),
        ({"aws_access_key_id": "AKIA5EXAMPLE5EXAMPL\n"}, "must be an access key ID"),
        ({"aws_access_key_id": "akia5example5example"}, "must be an access key ID"),
        ({"aws_access_key_id": sns.SECRET_ACCESS_KEY}, "must be an access key ID"),
        ({"aws_access_key_id": "ASIA5EXAMPLE5EXAMPLE"}, "need aws_session_token"),
        ({"aws_secret_access_key": "two words"}, "must be printable ASCII without spaces"),
        ({"aws_secret_access_key": "one-line\n"}, "must be printable ASCII without spaces"),
        ({"aws_secret_access_key": "schlüssel"}, "must be printable ASCII without spaces"),
        ({"aws_session_token": "a\r\nX-Other: b"}, "must be printable ASCII without spaces"),
        ({"sender_id": "Twelve1chars"}, "at most 11"),
        ({"sender_id": "12345"}, "pattern"),
        ({"sender_id": "My Shop"}, "pattern"),
        ({"sender_id": "Exämple"}, "pattern"),
        ({"sender_id": ""}, "pattern"),
        ({"origination_number": "1234"}, "pattern"),
        ({"origination_number": "+1 415 555 0100"}, "pattern"),
        ({"origination_number": "Example"}, "pattern"),
        ({"base_url": "http://sns.example.com"}, "must be https"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SnsConfig.model_validate({"type": "sns", **ACCOUNT, **keys})
    (error,) = caught.value.errors()
    assert problem in error["msg"]
    assert sns.SECRET_ACCESS_KEY not in error["msg"]


@pytest.mark.parametrize(
    "keys",
    [
        *({"region": region} for region in ("us-east-1", "ap-southeast-2", "us-gov-east-1")),
        *({"sender_id": name} for name in ("A", "Example", "4Example", "Eleven11111")),
        *({"origination_number": number} for number in ("12345", "+14155550100", "14155550100")),
        {"aws_access_key_id": "ASIA5EXAMPLE5EXAMPLE", "aws_session_token": "t/+="},
    ],
    ids=str,
)
def test_a_configuration_that_can_work_is_taken(keys: dict[str, str]) -> None:
    SnsConfig.model_validate({"type": "sns", **ACCOUNT, **keys})


def test_no_secret_is_in_a_representation(new_sender: NewSender) -> None:
    keys: dict[str, Any] = {**ACCOUNT, "aws_session_token": sns.SESSION_TOKEN}
    sender = new_sender(SnsConfig, **keys)
    config = SnsConfig.model_validate({"type": "sns", **keys})
    texts = (repr(config), str(config), repr(sender), repr(sender._signer), repr(sender._upstream))
    secrets = (sns.ACCESS_KEY_ID, sns.SECRET_ACCESS_KEY, sns.SESSION_TOKEN)
    assert not [secret for secret in secrets for text in texts if secret in text]
