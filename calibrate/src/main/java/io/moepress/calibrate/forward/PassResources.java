package io.moepress.calibrate.forward;

import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// What a forward pass may use.
///
/// @param workers a pool
/// @param progress where to say how far it is
/// @param spill folder for the hidden states; null: they stand in memory
public record PassResources(Workers workers, Progress progress, @Nullable Path spill) {

  /// Hidden states in memory.
  public static PassResources inMemory(Workers workers, Progress progress) {
    return new PassResources(workers, progress, null);
  }

  /// A matrix of zeros where this pass keeps such.
  HiddenStates states(long tokens, int width) throws IOException {
    if (spill == null) {
      return HiddenStates.inMemory(tokens, width);
    }
    Files.createDirectories(spill);
    return HiddenStates.inFile(tokens, width, spill);
  }
}
