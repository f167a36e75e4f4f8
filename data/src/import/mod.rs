//! Market files of many formats, read into the catalog.
