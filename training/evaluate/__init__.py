"""What a package is worth: figures, intervals and pictures, on cases that it never saw.

``measure`` is the entrance, ``work`` goes through the cases, ``results`` holds the outcome. ``figures`` are the formulas,
``baselines`` what a network has to beat, ``page`` the report.
"""
