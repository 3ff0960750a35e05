"""What to write at a key that a recipe needs and hasn't: the mend of "is missing"."""

from __future__ import annotations

_CODE = "a code has value, scheme and meaning, such as {value: '5366008', scheme: SCT, meaning: Hippocampus}"
_RANGE = "write the first and last case number of the part, such as [1, 200]"

_MENDS = {
    "format": "write format: 2, by which later versions know how to read this recipe",
    "seed": "write a whole number, such as 1; all that is drawn follows from it",
    "data": "say where cases come from: kind, split and statement at least",
    "data.kind": "say what the source is: nifti, series, nnunet, dicom, png, csv, npz, phantom, phantom-series or "
    "phantom-pictures",
    "data.split": "say how cases are parted, such as {kind: drawn, shares: {train: 0.7, validate: 0.1, test: 0.2}}",
    "data.split.kind": "say how cases are parted: drawn (shares), ranges (case numbers) or given (by the source or a file)",
    "data.split.shares": "write the parts' shares, such as {train: 0.7, validate: 0.1, test: 0.2}",
    "data.split.train": _RANGE,
    "data.split.validate": _RANGE,
    "data.split.test": _RANGE,
    "data.limit.cases": "write how many cases are learnt from",
    "data.statement": "tell where the data come from, who may use them and what is known of the persons; the card repeats it",
    "data.labels": "write the name of each segment or ROI with its label's value, such as {Liver: 1}; of a source of series "
    "the mask's file",
    "data.series": "write each series' name with its file in a case's folder, such as {mr: T1.nii.gz, pet: PET.nii.gz}",
    "data.labels_on": "name the series on whose grid the masks lie",
    "data.table": "name the CSV table below --data",
    "data.image_column": "name the table's column that holds the images' paths",
    "data.file": "name the .npz file below --data",
    "data.of": "say what is drawn: fetal-head, breast or chest",
    "data.size_kji": "write the phantom's slices, rows and columns, such as [60, 256, 256]",
    "data.spacing_mm_kji": "write the voxel's size in mm, such as [5, 1.6, 1.6]",
    "fit": "write at least {learning_rate: 0.002}; the plan decides steps, batch and patch where none are stated",
    "fit.learning_rate": "write the greatest learning rate; 0.002 is a fair start for adamw",
    "fit.early_stopping.patience": "write after how many validations without a gain the run ends",
    "augment.lesions.probability": "write the share of images that get a lesion, such as 0.3",
    "augment.lesions.label": "write the value of the label that a lesion is marked with",
    "transfer.weights": "name a package's folder, a package that ships, or a safetensors file",
    "package": "write the manifest of the package to be: name, labels, inputs, grid, network, licence and so on",
    "package.name": "write lower-case letters, digits and hyphens; the node's rules call the model by it",
    "package.version": "write three numbers, such as 1.0.0; one version means the same bytes for good",
    "package.title": "write what people read, 40 characters at most",
    "package.task": "write segmentation, classification or multitask (both at once)",
    "package.intended_use": "tell what the model is for and what not; begin with Not for clinical use. unless it is",
    "package.licence": "state the terms of the package's configuration, such as Apache-2.0",
    "package.weights_licence": "state the terms of the weights, such as CC-BY-4.0: those that the training data's licence "
    "asks for, since weights may count as made from them; LicenseRef-NAME and a word in package.attribution where it is unclear",
    "package.family": "write the code of the algorithm's family; {value: '123110', scheme: DCM, meaning: "
    "Artificial Intelligence} fits all",
    "package.inputs": "say what the model is given, such as [{name: image, modality: [MR], spatial_dims: 3}]",
    "package.inputs.modality": "write the Modality (0008,0060) of the Series that fit, such as [MR] or [DX, CR]",
    "package.grid": "say on which grid the model works, such as {spacing_mm: auto, patch: auto}",
    "package.grid.spacing_mm": "write mm per voxel as [k, j, i] or [j, i], auto for the plan to decide, null for the image's own",
    "package.grid.patch": "write voxels as [k, j, i] or [j, i], or auto for the plan to decide",
    "package.intensity": "say how voxel values are scaled, such as {kind: zscore, lower: 0.5, upper: 99.5}, or auto",
    "package.intensity.kind": "write window (lower and upper in units of the image) or zscore (they are percentiles)",
    "package.intensity.lower": "write the value, or of a zscore the percentile, that lower ones are clipped to",
    "package.intensity.upper": "write the value, or of a zscore the percentile, that higher ones are clipped to",
    "package.network": "say which network, such as {name: unet, arguments: auto}",
    "package.network.name": "write the network's name, such as unet or resnet; training/README.md lists them all",
    "package.labels": "write at least one label with value, name, category and type",
    "package.labels.value": "number the labels 1, 2, 3 … in order; 0 is the background",
    "package.labels.name": "write the name by which reports, figures and floor call the label",
    "package.labels.category": f"write the kind of thing that is marked (PS3.16 CID 7150); {_CODE}",
    "package.labels.type": f"write what is marked; {_CODE}",
    "package.classification.thresholds": "write a probability for each label, or leave out classification: they are fitted then",
    "package.detection.thresholds": "write a score for each label, from which a box counts as a finding, such as [0.5]",
    "package.measures.label": "write the value of the label whose mask is measured",
    "package.measures.kind": "write ellipse_circumference",
    "package.measures.name": "write the name by which reports and figures call the measure",
    "package.measures.code": f"write what is measured; {_CODE}",
    "package.classes.value": "number the classes 1, 2, 3 … in order; 0 is none of them",
    "package.classes.name": "write the name by which reports, figures and floor call the class, another than any label's",
    "package.classes.category": f"write the kind of thing that the class is; {_CODE}",
    "package.classes.type": f"write what the class is; {_CODE}",
    "base": "name the recipe that all variants start from: a path from this file's folder, or the name of one that ships",
    "variants": "write two or more names, each with the keys that it changes, or {} for none",
}


def missing(key: str) -> str:
    """What is wrong and what to write.

    Parameters
    ----------
    key : dotted, as its author would write it; numbers of list entries count for nothing.
    """
    plain = ".".join(part for part in key.split(".") if not part.isdigit())
    plain = plain.replace("package.inputs.intensity", "package.intensity")
    parent, _, last = plain.rpartition(".")
    code = last in ("value", "scheme", "meaning") and plain not in _MENDS
    mend = _CODE if code else _MENDS.get(plain, f"write it below {parent}" if parent else "write it")
    return f"is missing; {mend}"
