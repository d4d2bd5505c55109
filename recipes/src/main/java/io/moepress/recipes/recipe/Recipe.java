package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// What a person asks for: a model, what to do with it, and how to judge the result.
///
/// Every path is kept as it was typed; a relative one starts at the current directory, not at the
/// recipe. Whether the files are there is checked by those who open them.
///
/// @param file where the recipe was read
/// @param sha256 of the bytes of that file, in lower-case hexadecimal digits
/// @param model the directory of the checkpoint to compress
/// @param output the directory of the result, not the model's, or a GGUF file
/// @param target the runtime that has to load the result
/// @param seed of everything that draws lots
/// @param maxShardSize of the files written; more than 0
/// @param calibration empty for methods that need no data
/// @param steps in the order in which they are done; none in a recipe that compares
/// @param evaluation empty if the result is not judged
/// @param architecture a file that describes the model; empty for one that comes with the program
/// @param comparison what is compared; empty in a recipe that has steps
/// @param gguf how the result is written as a GGUF file; empty if it is a directory
public record Recipe(
    Path file,
    String sha256,
    Path model,
    Path output,
    Target target,
    long seed,
    ByteSize maxShardSize,
    Optional<CalibrationSpec> calibration,
    List<RecipeStep> steps,
    Optional<EvaluationSpec> evaluation,
    Optional<Path> architecture,
    Optional<ComparisonSpec> comparison,
    Optional<GgufSpec> gguf) {
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  public Recipe {
    steps = List.copyOf(steps);
    Checks.require(SHA256.matcher(sha256).matches(), "sha256: %s (expected 64 digits)", sha256);
    Checks.require(
        !steps.isEmpty() || comparison.isPresent(), "steps: none (expected at least one)");
    Checks.require(
        steps.isEmpty() || comparison.isEmpty(), "steps: beside a comparison (expected none)");
    requireSize(maxShardSize);
    requireElsewhere(model, output);
  }

  /// Opens the model, or a result made of it.
  public CheckpointDirectory open(Path directory) throws IOException {
    return CheckpointDirectory.open(directory, architecture.orElse(null));
  }

  /// This recipe with steps in the place of its own, or of its comparison.
  public Recipe with(List<RecipeStep> others) {
    return new Recipe(
        file,
        sha256,
        model,
        output,
        target,
        seed,
        maxShardSize,
        calibration,
        others,
        evaluation,
        architecture,
        Optional.empty(),
        gguf);
  }

  /// Refuses a recipe that compares, where one with steps is needed.
  ///
  /// @throws RecipeException that names the command for it
  public Recipe requireSteps() {
    if (comparison.isPresent()) {
      throw new RecipeException(
          file + ": compares and has no steps (expected steps). Run moepress compare " + file);
    }
    return this;
  }

  static void requireSize(ByteSize size) {
    Checks.require(size.bytes() > 0, "%s (expected more than nothing)", size);
  }

  static void requireElsewhere(Path model, Path output) {
    Checks.require(
        !output.toAbsolutePath().normalize().equals(model.toAbsolutePath().normalize()),
        "\"%s\" is the directory of the model (expected another one). The model is never"
            + " overwritten",
        output);
  }
}
