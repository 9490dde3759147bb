"""Settings of a connection: arguments before environment before file.

The file is `petfinder.toml` in the working folder, else in the user's configuration folder. Digits stay text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source

from petfinder.domain.errors import ConfigError
from petfinder.photos.read import PhotoLimits

FILE = "petfinder.toml"
CONNECTION = ("cloud_id", "api_key", "user", "password", "bearer", "ca_certs", "fingerprint", "verify", "timeout")
"""The settings that a client of Elasticsearch is made with."""


class Receiver(BaseModel):
    """Who is told of new pairs: a name for logs, the URL for apprise, a secret, and from which probability on."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^\w[\w .-]*$")
    url: SecretStr
    least: float = Field(default=0.5, ge=0, le=1)
    digest: Literal["instant", "daily"] = "instant"


class Settings(BaseSettings):
    """What a connection may be given, as argument, as PETFINDER_… in the environment, or in the settings file."""

    model_config = SettingsConfigDict(
        env_prefix="PETFINDER_", extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    registry: str | None = Field(default=None, repr=False)  # its URL may hold a password
    name: str = "pets"
    encoder: str | None = None
    device: str | None = None
    max_photo_bytes: int = Field(default=64 * 2**20, gt=0)
    max_photo_pixels: int = Field(default=89_000_000, gt=0)
    cloud_id: str | None = None
    api_key: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    bearer: SecretStr | None = None
    ca_certs: str | None = None
    fingerprint: str | None = None
    verify: bool = True
    timeout: float = Field(default=30.0, gt=0)
    retries: int = Field(default=3, ge=0)
    wait: float = Field(default=0.0, ge=0)
    passphrase_hash: SecretStr | None = None  # of the page: what `petfinder passphrase` prints
    trusted_proxies: tuple[str, ...] = ()  # addresses or networks of web servers before the page
    alerts: tuple[Receiver, ...] = ()
    alerts_an_hour: int = Field(default=60, gt=0)  # messages to each receiver

    @property
    def photo_limits(self) -> PhotoLimits:
        """How large a photo may be."""
        return PhotoLimits(max_bytes=self.max_photo_bytes, max_pixels=self.max_photo_pixels)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, env_settings: Source, *others: Any, **named: Any
    ) -> tuple[Source, ...]:
        """Arguments, then environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=settings_file())


def settings_file() -> Path | None:
    """The settings file in force: here, else in the user's configuration folder, else none."""
    from typer import get_app_dir

    places = (Path(FILE), Path(get_app_dir("petfinder")) / FILE)
    return next((place for place in places if place.is_file()), None)


def revealed(secret: SecretStr | None) -> str | None:
    """The text of a secret, for the one call that needs it."""
    return None if secret is None else secret.get_secret_value()


def load_settings(**arguments: Any) -> Settings:
    """Settings in force under these arguments (None: not given); raises ConfigError, without repeating any value."""
    try:
        return Settings(**{name: value for name, value in arguments.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise ConfigError(f"settings (arguments, PETFINDER_… or {FILE}): {problems}") from error
    except ValueError as error:
        raise ConfigError(f"the settings file {settings_file()} is not valid TOML: {error}") from error
