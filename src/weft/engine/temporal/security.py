"""How a Temporal server is spoken to: encryption, credentials, and how payloads are written; nothing is loaded here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from weft.errors import SettingInvalid

SECRET = "***"  # noqa: S105 - what is shown in place of one
YES, NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class Security:
    """What a connection needs beside its address; paths are read when it is made, so a renewed certificate is found.

    Attributes:
        tls: whether the connection is encrypted; any certificate, server name or API key says so, too.
        cert: path of the client's certificate, PEM.
        key: path of its private key, PEM.
        server_ca: path of the certificates that the server's is checked with; the system's where nothing is said.
        server_name: the name that the server's certificate has, where it is not the address.
        api_key: the key itself; it is in no message.
        codec: `module:attribute` of a temporalio PayloadCodec, or of a function that makes one.
    """

    tls: bool = False
    cert: str = ""
    key: str = ""
    server_ca: str = ""
    server_name: str = ""
    api_key: str = field(default="", repr=False)
    codec: str = ""

    @property
    def encrypted(self) -> bool:
        """Tell whether the connection is encrypted."""
        return self.tls or any((self.cert, self.server_ca, self.server_name, self.api_key))

    def without_secrets(self, text: str) -> str:
        """Return a text of somebody else's without what must not be seen."""
        return text.replace(self.api_key, SECRET) if self.api_key else text

    def shown(self) -> str:
        """Return what is set, for people; secrets only as being there."""
        said = [each.name for each in fields(self) if getattr(self, each.name)]
        return ", ".join(f"{name} = {SECRET if name == 'api_key' else getattr(self, name)}" for name in said)


NAMES = tuple(each.name for each in fields(Security))


def read_security(said: dict[str, str]) -> Security:
    """Return the settings of a connection.

    Raises:
        SettingInvalid: they cannot be used together.
    """
    tls = said.pop("tls", "").lower()
    if tls and tls not in (*YES, *NO):
        what = "temporal.tls is neither true nor false"
        raise SettingInvalid(what, remedy='write tls = "true"')
    security = Security(tls=tls in YES, **said)
    if bool(security.cert) != bool(security.key):
        what = "temporal.cert and temporal.key belong together, and only one of them is set"
        raise SettingInvalid(what, remedy="name both files, or neither")
    if tls in NO and security.encrypted:
        what = "temporal.tls is false, and a certificate, server name or API key needs an encrypted connection"
        raise SettingInvalid(what, remedy="leave temporal.tls out")
    if security.codec and not all(security.codec.partition(":")):
        what = f"temporal.codec is {security.codec!r}, which names no module and attribute"
        raise SettingInvalid(what, remedy='write codec = "package.module:attribute"')
    return security
