"""What can go wrong, as one tree that a caller can catch by branch.

No message may carry a secret or an owner's contact.

    PetfinderError
     ├ ConfigError
     ├ PhotoError      UnreadablePhoto · PhotoTooLarge
     ├ EncoderError    EncoderUnavailable · TextNotSupported · InvalidEmbedding
     ├ RegistryError   InvalidPet · PetNotFound · DuplicatePet · EditConflict · InvalidQuery · BulkFailed ·
     │                  PassphraseNeeded
     └ StoreError      StoreUnavailable · NotAuthorised · IndexNotFound · IndexExists · IndexMismatch
"""

from __future__ import annotations


class PetfinderError(Exception):
    """Anything that petfinder refuses or cannot do; the message says what to do about it."""


class ConfigError(PetfinderError):
    """A setting, a URL or a missing package: something to put right before the work can start."""


class PhotoError(PetfinderError):
    """One photo cannot be used."""


class UnreadablePhoto(PhotoError):
    """The bytes are not a picture, or the picture is cut off or broken, or the file cannot be opened."""


class PhotoTooLarge(PhotoError):
    """The photo has more bytes or more pixels than the limits in force allow."""


class EncoderError(PetfinderError):
    """Pictures or words cannot be turned into embeddings."""


class EncoderUnavailable(EncoderError):
    """The encoder's weights or its package cannot be had."""


class TextNotSupported(EncoderError):
    """This encoder knows pictures only."""


class InvalidEmbedding(EncoderError):
    """A vector of the wrong length, with NaN or infinity in it, or all zeros."""


class RegistryError(PetfinderError):
    """The registry refuses a request as it stands."""


class InvalidPet(RegistryError):
    """A pet, owner or photo is described in a way that cannot be kept."""


class PetNotFound(RegistryError):
    """No pet has this id here."""


class DuplicatePet(RegistryError):
    """A pet with this id is registered already."""


class EditConflict(RegistryError):
    """Others kept changing the same pet while this change was being made."""


class InvalidQuery(RegistryError):
    """A search or a filter that has no meaning."""


class PassphraseNeeded(RegistryError):
    """Contact and changes are behind a passphrase here, and it was not given, or not rightly."""


class StoreError(PetfinderError):
    """The place where the indexes live does not do what was asked."""


class StoreUnavailable(StoreError):
    """The file or server cannot be reached, read or written."""


class NotAuthorised(StoreError):
    """The store refuses these credentials, or they lack a right."""


class IndexNotFound(StoreError):
    """No index has this name in the store."""


class IndexExists(StoreError):
    """An index of this name is there already."""


class IndexMismatch(StoreError):
    """The index was made with another encoder, other dims, another metric or another schema."""
