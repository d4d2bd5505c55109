package io.moepress.calibrate.corpus;

/// One source of texts; evidence is kept apart by domain.
///
/// @param name a short name, unique in its corpus
/// @param file where the texts came from, as the user wrote it
/// @param digest `sha256:…` of the token ids used
public record Domain(String name, String file, String digest) {}
