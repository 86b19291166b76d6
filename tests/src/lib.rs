//! Real clients against the real binary: the harness that the wire tests share.
