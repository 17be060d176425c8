//! The network: stem, MBConv blocks, squeeze-excite, head. Knows no files and no training.
