package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import java.io.IOException;
import java.nio.file.Path;

/// A file together with the digest that `evidence.json` gives for it. The digest is checked once,
/// when the file is first read: large files are not read before somebody needs them.
final class SealedFile {
  private final Path path;
  private final String digest;
  private boolean checked;

  /// A file that shall have a digest.
  SealedFile(Path path, String digest) {
    this.path = path;
    this.digest = digest;
  }

  /// The file, whatever it holds.
  Path path() {
    return path;
  }

  /// The digest it shall have.
  String digest() {
    return digest;
  }

  /// The file, after making sure that it was not changed.
  ///
  /// @throws io.moepress.formats.FormatException when it was
  Path intact() throws IOException {
    requireIntact();
    return path;
  }

  /// Makes sure that the file was not changed.
  ///
  /// @throws io.moepress.formats.FormatException when it was
  synchronized void requireIntact() throws IOException {
    if (!checked) {
      String found = Fingerprint.ofFile(path);
      Checks.requireFormat(
          found.equals(digest),
          "%s: digest %s (expected %s from %s). The file was changed or damaged; calibrate again.",
          path,
          found,
          digest,
          EvidenceFile.HEAD);
      checked = true;
    }
  }
}
