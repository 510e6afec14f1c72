//! Rasters made for one difficulty each: signed bytes, south-up, rotated, nodata beside NaN, thousands of bands, ENVI
//! headers, containers, damage. And the reader pool that serves them.
