"""What the package's inputs, the source's series and the dropout of inputs must agree on."""

from __future__ import annotations

from training.recipe.data.series import SeriesData, SeriesPhantomData
from training.recipe.sections import Sections


def check_inputs(recipe: Sections) -> None:
    """Refuse inputs that the source doesn't have: several, or one of several, come from a source that names its series.

    Raises
    ------
    ValueError
        Naming key, fault and mend.
    """
    data, names = recipe.data, [str(given.get("name", "image")) for given in recipe.package["inputs"]]
    if isinstance(data, SeriesData | SeriesPhantomData):
        for name in names:
            if name not in data.series:
                raise ValueError(
                    f"package.inputs: {name} is no series of data, which has {', '.join(data.series)}; name one of them"
                )
    elif len(names) > 1:
        raise ValueError(
            f"package.inputs: {' and '.join(names)} are several, and a source of kind {data.kind} has one; take data.kind: series"
        )
    for name in (name for name, share in recipe.augment.drop_inputs.items() if share):
        if name not in names or len(names) == 1:
            raise ValueError(f"augment.drop_inputs: {name} is none of several package.inputs; they are {', '.join(names)}")
