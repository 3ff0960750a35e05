"""How well boxes and instance masks are found: average precision, FROC, image-level AUC, each with its interval.

Plain arrays in, figures out, for images and volumes alike. ``figures`` is the entrance. It knows no network and no package.
"""
