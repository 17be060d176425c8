//! Pretrained weights: the catalogue, fetching, foreign formats, key maps and the report of what matched.
