"""Where a network looks: Grad-CAM and occlusion maps, on demand, and the test whether such a map says anything of the weights.

A map is no evidence of a finding, and is never sent with a result. See Adebayo et al., Sanity Checks for Saliency Maps
(NeurIPS 2018): many maps look convincing whatever the weights are.
"""
