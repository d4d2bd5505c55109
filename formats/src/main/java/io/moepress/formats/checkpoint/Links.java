package io.moepress.formats.checkpoint;

import io.moepress.formats.Checks;
import java.io.IOException;
import java.nio.file.Path;

/// Symbolic links in a checkpoint directory.
final class Links {
  private Links() {}

  /// A symbolic link may lead into the cache the checkpoint was downloaded to, which is how model
  /// hubs lay out a snapshot (`snapshots/<commit>/x -> ../../blobs/<digest>`), and nowhere else.
  ///
  /// @param file a file that is there
  static void requireInside(Path directory, Path file) throws IOException {
    Path real = file.toRealPath();
    Path home = directory.toRealPath();
    Path cache = home.getParent() == null ? null : home.getParent().getParent();
    boolean inCache = cache != null && real.startsWith(cache.resolve("blobs"));
    Checks.requireFormat(
        real.startsWith(home) || inCache,
        "%s: a symbolic link out of the checkpoint, to %s. Put the file itself there.",
        file,
        real);
  }
}
