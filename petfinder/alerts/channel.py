"""How a receiver is reached: by apprise, which knows mail, chats and hooks by their URL."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from email import message_from_string
from functools import partial
from hashlib import sha256
from typing import Any

from petfinder.alerts.message import content_of, subject_of
from petfinder.domain.errors import ConfigError
from petfinder.domain.pairs import Pair
from petfinder.domain.text import install_line
from petfinder.registry.settings import Receiver

try:
    import apprise
    from apprise.attachment.memory import AttachMemory
    from apprise.plugins.email import NotifyEmail
    from apprise.plugins.email.smtp import AppriseSMTPController
except ImportError as error:
    raise ConfigError(f"alerts need apprise: {install_line('alerts')}") from error

for logger in ("apprise", "urllib3"):
    logging.getLogger(logger).propagate = False  # they log addresses and URLs
_MAIL = ("from_addr", "reply_to", "headers", "names", "pgp", "pgp_mode", "tzinfo")
_SERVER = ("port", "secure_mode", "user", "password", "verify_certificate", "socket_connect_timeout")


class Channel:
    """A receiver and the service that reaches it; its URL shows nowhere.

    Raises ConfigError for a URL that apprise does not know, and for several addresses in one: some would be told twice.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.name = receiver, receiver.name
        asset = apprise.AppriseAsset(app_id="petfinder")
        service: Any = apprise.Apprise.instantiate(receiver.url.get_secret_value(), asset=asset)
        if service is None:
            raise ConfigError(f"alerts, {self.name}: no URL that apprise knows; see https://appriseit.com/services")
        if {*getattr(service, "cc", ()), *getattr(service, "bcc", ())} or len(service) > service.retry + 1:
            raise ConfigError(f"alerts, {self.name}: several addresses; write an [[alerts]] for each")
        service.overflow_mode = apprise.OverflowMode.SPLIT  # what is too long for a chat is sent in parts
        self._service = service

    def send(self, pairs: Sequence[Pair]) -> str:
        """Try to tell of pairs once; empty where the message was taken, else why not, without address and URL."""
        text, pictures = content_of(pairs)
        attachment: Any = partial(AttachMemory, mimetype="image/jpeg")
        attach = apprise.AppriseAttachment([attachment(content=jpeg, name=name) for name, jpeg in pictures])
        key = sha256(" ".join([self.name, *(pair.pair_id for pair in pairs)]).encode()).hexdigest()
        send: Any = partial(self._mail, key) if type(self._service) is NotifyEmail else self._service.notify
        try:
            taken = send(title=subject_of(pairs), body=text, attach=attach, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # a fault of a plugin, too, must not hold up the other receivers
            return type(error).__name__
        return "" if taken else "not accepted"

    def _mail(self, key: str, title: str, body: str, attach: Any, body_format: Any) -> bool:
        """Mail as apprise does, but each time under the same Message-ID, by which mail programs know it."""
        service, sender = self._service, self._service.from_addr[1]
        given = {"to": service.targets, **{name: getattr(service, name) for name in _MAIL}}
        mail = next(service.prepare_emails(title, body, attach=attach, notify_format=body_format, **given))
        whole = message_from_string(mail.body)
        whole.replace_header("Message-ID", f"<{key}@{sender.rpartition('@')[2]}>")
        with AppriseSMTPController(service.smtp_host, **{name: getattr(service, name) for name in _SERVER}) as smtp:
            return smtp.sendmail(sender, mail.to_addrs, whole.as_string())
