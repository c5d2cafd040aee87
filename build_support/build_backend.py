"""Builds offhook with setuptools (PEP 517), after fetching the vendored files (see `vendored`)."""

import shutil

import vendored
from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401  # hooks that need no change
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """A wheel that runs where it is installed."""
    vendored.fetch()
    # setuptools would also pack what an earlier build left there, such as deleted modules.
    for leftover in (vendored.ROOT / "build").glob("lib*"):
        shutil.rmtree(leftover)
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The same for a checkout; the vendored files stay in it, ignored by git."""
    vendored.fetch()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """An sdist that can be built without network access."""
    vendored.fetch()
    return build_meta.build_sdist(sdist_directory, config_settings)
