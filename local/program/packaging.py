"""Replace the functions' archive, which has wheels for Lambda, by one for this machine."""

import pulumi

from handlers.environment import DATASETS_FILE
from infra import package


def for_this_machine(archive: pulumi.Archive) -> pulumi.Archive:
    """Return the program's archive with wheels for this machine; any other archive unchanged.

    The files of `handlers/` and the declarations of datasets are the same.

    Raises `infra.package.PackageError` if the wheels cannot be installed.
    """
    if not isinstance(archive, pulumi.AssetArchive):
        return archive
    uploaded = {
        name: asset.path
        for name, asset in archive.assets.items()
        if isinstance(asset, pulumi.FileAsset)
    }
    datasets = {name: uploaded.pop(name) for name in (DATASETS_FILE,) if name in uploaded}
    declared = {name: str(path) for name, path in package.contents(package.LAMBDA).items()}
    if uploaded != declared:
        return archive
    here = {name: str(path) for name, path in package.contents(package.THIS_MACHINE).items()}
    return pulumi.AssetArchive(
        {name: pulumi.FileAsset(path) for name, path in {**here, **datasets}.items()}
    )
