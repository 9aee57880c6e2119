"""What can be wrong with an engine before any run is: a branch of the tree in weft.errors.

WeftError
├── EngineUnreachable         E351  the Temporal server does not answer
├── NamespaceMissing          E352  the Temporal server has no such namespace for us
├── EngineCannot              E353  the System asks for what its engine cannot do
├── ExtraMissing              E354  an engine's library is not installed
├── AttributesMissing         E355  the Temporal namespace lacks search attributes of weft
├── WorkersUnknown            E358  workers were asked for, and the engine has none
└── CredentialsInvalid        E359  a certificate, key or codec of the connection cannot be used
"""

from __future__ import annotations

from weft.errors import WeftError


class EngineUnreachable(WeftError):
    """Tell that the Temporal server does not answer, or that this process has no connection to it any more."""

    code = "WEFT-E351"
    remedy = "look whether it runs there (`make temporal` starts one here), and at TLS and keys"


class NamespaceMissing(WeftError):
    """Tell that the Temporal server has no namespace of this name, or none that we may use."""

    code = "WEFT-E352"
    remedy = "create it: temporal operator namespace create NAME"


class EngineCannot(WeftError):
    """Tell that a System, or its settings, ask for what their engine cannot do; found before anything runs."""

    code = "WEFT-E353"


class ExtraMissing(WeftError):
    """Tell that the library of an engine is not installed."""

    code = "WEFT-E354"


class AttributesMissing(WeftError):
    """Tell that a Temporal namespace lacks weft's search attributes, and that they could not be added from here."""

    code = "WEFT-E355"
    remedy = (
        "temporal operator search-attribute create --name WeftStatus --type Keyword --name WeftTenant --type Keyword"
    )


class WorkersUnknown(WeftError):
    """Tell that workers were asked of an engine that has none: the embedded one works in the process that owns it."""

    code = "WEFT-E358"
    remedy = "`weft run TARGET` serves on the embedded engine; workers want --engine temporal://HOST:PORT/NAMESPACE"


class CredentialsInvalid(WeftError):
    """Tell that a certificate, a key or the codec of a connection cannot be used."""

    code = "WEFT-E359"
    remedy = "look at the path, its permissions, and the module of the codec"
