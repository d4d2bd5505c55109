package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The codes that were found for a layer, in a file of their own with the arrays beside it, so that
/// those of all layers need not be in memory together and a run that was stopped finds them again.
///
/// @param formatVersion version of this document's format, 1
/// @param inputs digest of everything the codes depend on
/// @param step what is decided
/// @param starved experts that too few tokens reached
/// @param raised where the damping had to be raised
/// @param loss of all matrices together
public record LayerCodes(
    int formatVersion,
    String inputs,
    QuantizeWeights step,
    List<Integer> starved,
    List<Raised> raised,
    double loss) {
  private static final int FORMAT_VERSION = 1;

  /// A damping that had to be raised.
  ///
  /// @param expert whose; [TensorId#NONE]: of no expert
  /// @param input of which matrices
  /// @param damping the one that was used
  public record Raised(int expert, LinearInput input, double damping) {

    /// Whether it is of matrices of an expert.
    @JsonIgnore
    public boolean isOfExpert() {
      return expert != TensorId.NONE;
    }
  }

  public LayerCodes {
    starved = List.copyOf(starved);
    raised = List.copyOf(raised);
  }

  /// What was found just now.
  public LayerCodes(
      String inputs,
      QuantizeWeights step,
      List<Integer> starved,
      List<Raised> raised,
      double loss) {
    this(FORMAT_VERSION, inputs, step, starved, raised, loss);
  }

  /// Writes them to a file, which appears all at once.
  ///
  /// @return the same, whose arrays are read from the file when they are asked for
  public LayerCodes write(Path file) throws IOException {
    PlanArrays.beside(file).write(step.arrays());
    Json.write(file, this);
    return read(file);
  }

  private static LayerCodes read(Path file) throws IOException {
    return Json.read(file, LayerCodes.class, PlanArray.Source.class, PlanArrays.beside(file));
  }

  /// Those in a file, unless it is missing, damaged, or of other inputs.
  public static Optional<LayerCodes> find(Path file, String inputs) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      LayerCodes found = read(file);
      found.step.arrays().forEach(PlanArray::bytes); // as they were written?
      return found.formatVersion == FORMAT_VERSION && found.inputs.equals(inputs)
          ? Optional.of(found)
          : Optional.empty();
    } catch (FormatException | PlanMismatchException e) {
      return Optional.empty(); // they are found once more
    }
  }
}
