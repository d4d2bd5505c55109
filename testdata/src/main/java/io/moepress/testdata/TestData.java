package io.moepress.testdata;

import java.nio.file.Files;
import java.nio.file.Path;

/// Finds the files of the repository's `testdata` folder, from whichever module a test runs in.
public final class TestData {

  /// A file that every copy of the folder holds; tells it from a namesake.
  private static final String LANDMARK = "testdata/golden/scores.json";

  private TestData() {}

  /// The file or folder `relative` below `testdata/`, e.g. `models/tiny-mixtral`.
  ///
  /// @param relative path with forward slashes, without `testdata/`
  /// @throws IllegalStateException when there is no such file, or no repository above `user.dir`
  public static Path path(String relative) {
    Path file = root().resolve("testdata").resolve(relative);
    if (!Files.exists(file)) {
      throw new IllegalStateException(file + ": no such test data (see testdata/README.md)");
    }
    return file;
  }

  private static Path root() {
    Path start = Path.of(System.getProperty("user.dir")).toAbsolutePath();
    for (Path folder = start; folder != null; folder = folder.getParent()) {
      if (Files.exists(folder.resolve(LANDMARK))) {
        return folder;
      }
    }
    throw new IllegalStateException(
        start + ": neither it nor a folder above it holds " + LANDMARK + ". Run in a checkout");
  }
}
