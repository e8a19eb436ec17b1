"""The functions' archive for this machine, in the place of the one for Lambda's processors."""

import pulumi

from infra import package


def for_this_machine(archive: pulumi.Archive) -> pulumi.Archive:
    """Return the program's own archive with wheels that run here; any other archive as it is.

    The files of `handlers/` are the same in both; only the wheels' builds differ. Raises
    `infra.package.PackageError` when the wheels cannot be had.
    """
    if not isinstance(archive, pulumi.AssetArchive):
        return archive
    uploaded = {
        name: asset.path
        for name, asset in archive.assets.items()
        if isinstance(asset, pulumi.FileAsset)
    }
    declared = {name: str(path) for name, path in package.contents(package.LAMBDA).items()}
    if uploaded != declared:
        return archive
    here = package.contents(package.THIS_MACHINE)
    return pulumi.AssetArchive({name: pulumi.FileAsset(str(path)) for name, path in here.items()})
