"""Settings of S3 from where AWS's own tools keep them: the environment and the files in ~/.aws."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from geovision.errors import EnvironmentFault

__all__ = ["aws_options"]

_ELSEWHERE = ("role_arn", "sso_session", "sso_start_url", "credential_process")
_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}


def aws_options() -> tuple[tuple[str, str], ...]:
    """Credentials, region and endpoint, as name and value; by itself the client only knows instance roles.

    Raises:
        EnvironmentFault: the profile takes its credentials from another program, or does not exist.
    """
    profile = _profile()
    # All or nothing from the environment: a stale session token beside another key opens no door.
    given = {key.lower(): value for key, value in os.environ.items()}
    keys = given if "aws_access_key_id" in given else profile
    found = {name: keys[key] for key, name in _KEYS.items() if key in keys}
    if not found and (means := [key for key in _ELSEWHERE if key in profile]):
        raise EnvironmentFault(
            "the AWS profile",
            f"gets its credentials by {means[0]}, which is not read here",
            'Put them into the environment: eval "$(aws configure export-credentials --format env)"',
        )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or profile.get("region")
    found["region"] = region or "us-east-1"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint := endpoint or profile.get("endpoint_url"):
        found["endpoint"] = endpoint
    if os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1"):
        found["skip_signature"] = "true"
    return tuple(sorted(found.items()))


def _profile() -> dict[str, str]:
    """The values of the profile in use, of both files."""
    name = os.environ.get("AWS_PROFILE", "default")
    found: dict[str, str] = {}
    known = False
    for variable, usual, section in (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    ):
        path = Path(os.environ.get(variable) or usual).expanduser()
        # Keys may hold a percent sign, and one file may repeat a section.
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except configparser.Error as error:
            line = str(error).splitlines()[0].split(":")[0]
            raise EnvironmentFault(f"{path}", f"cannot be read ({line})", "Mend the file") from error
        if parser.has_section(section):
            known = True
            found |= dict(parser.items(section))
    if not known and name != "default":
        raise EnvironmentFault(
            f"AWS_PROFILE={name}", "is in neither ~/.aws/config nor ~/.aws/credentials", "Check the name"
        )
    return found
