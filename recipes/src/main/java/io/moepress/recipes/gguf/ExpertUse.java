package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.gguf.GgufNames;
import io.moepress.formats.gguf.GgufNames.InLayer;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// By how many of the tokens a matrix is used: by all, or, where it is one of a layer's `E` routed
/// experts of which a token chooses `k`,
///
/// ```
/// u_e = k · n_e / Σ n_e
/// ```
///
/// with the tokens `n_e` that were routed to it, and `k / E` where nobody has counted.
public final class ExpertUse {
  private final MoeModel model;
  private final @Nullable ImportanceFile importance;
  private final @Nullable Evidence evidence;

  /// Tensors that were asked for, and those of them whose experts were counted.
  private final Set<String> asked = ConcurrentHashMap.newKeySet();

  private final Set<String> counted = ConcurrentHashMap.newKeySet();

  /// Prepares.
  ///
  /// @param importance with counts; null: none
  /// @param evidence of the model, which goes first; null: none
  public ExpertUse(
      MoeModel model, @Nullable ImportanceFile importance, @Nullable Evidence evidence) {
    this.model = model;
    this.importance = importance;
    this.evidence = evidence;
  }

  /// Whether a tensor holds the matrices of all experts of a layer.
  static boolean isOfExperts(GgufTensor tensor) {
    return tensor.shape().rank() > 2
        && InLayer.of(tensor.name())
            .flatMap(part -> GgufNames.input(part.name()))
            .filter(LinearInput::isOfExperts)
            .isPresent();
  }

  /// The use of each matrix of a tensor.
  ///
  /// @return `[matrices]`
  double[] of(GgufTensor tensor) throws IOException {
    if (!isOfExperts(tensor)) {
      return new double[] {1}; // matrices of which all are used count as one
    }
    int experts = Math.toIntExact(tensor.shape().dimension(0));
    double[] counts = counts(tensor).orElseGet(() -> new double[experts]);
    double sum = Arrays.stream(counts).sum();
    double used = model.layout().topK();
    asked.add(tensor.name());
    if (sum > 0) {
      counted.add(tensor.name());
    }
    return sum == 0
        ? Arrays.stream(counts).map(_ -> used / experts).toArray()
        : Arrays.stream(counts).map(count -> used * count / sum).toArray();
  }

  private Optional<double[]> counts(GgufTensor tensor) throws IOException {
    if (evidence != null) {
      int layer = InLayer.of(tensor.name()).orElseThrow().layer();
      return Optional.ofNullable(evidence.layers().get(layer))
          .map(seen -> seen.total(Statistic.ROUTED_TOKENS));
    }
    if (importance == null || !importance.covers(tensor)) {
      return Optional.empty();
    }
    float[] seen = importance.counts(tensor.name()).orElseThrow();
    double[] counts = new double[seen.length];
    Arrays.setAll(counts, expert -> seen[expert]);
    return Optional.of(counts);
  }

  /// What the uses that were asked for follow from, as part of a sentence.
  String text() {
    String alike = "experts count as if all were used alike";
    if (evidence == null && importance == null) {
      return alike;
    }
    return counted.isEmpty()
        ? alike + ", for of none of their " + asked.size() + " stacks is it known how often"
        : Checks.text(
            "experts count by how often they were used in %d of %d stacks%s",
            counted.size(),
            asked.size(),
            counted.size() < asked.size() ? ", and as if all were used alike in the others" : "");
  }
}
