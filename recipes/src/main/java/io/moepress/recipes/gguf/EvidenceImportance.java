package io.moepress.recipes.gguf;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufNames;
import io.moepress.formats.gguf.GgufNames.InLayer;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufTypes;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.ImportanceFile.Sums;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// Evidence as an importance matrix of llama.cpp. Sums of squares and numbers of tokens become
/// float32. Experts count the tokens that were routed to them; all other matrices count all tokens,
/// and are left out where [LinearStatistic#LINEAR_INPUT_SQUARE_SUM] was not gathered.
public final class EvidenceImportance {
  private static final Set<Statistic> NEEDED =
      Set.of(
          Statistic.ROUTED_TOKENS, Statistic.INPUT_SQUARE_SUM, Statistic.INTERMEDIATE_SQUARE_SUM);

  private final Evidence evidence;
  private final boolean linears;

  private EvidenceImportance(Evidence evidence) {
    this.evidence = evidence;
    this.linears = evidence.linearStatistics().contains(LinearStatistic.LINEAR_INPUT_SQUARE_SUM);
  }

  /// What was written.
  ///
  /// @param weights tensors of which the file speaks
  /// @param leftOut matrices in layers of which it does not
  public record Written(int weights, int leftOut) {}

  /// Writes a file, which appears when it is complete.
  ///
  /// @param evidence of this model
  /// @throws io.moepress.recipes.evidence.MissingEvidenceException without sums of squares
  public static Written write(Evidence evidence, MoeModel model, Path output, boolean overwrite)
      throws IOException {
    evidence.requireHeld(EvidenceRequest.of(NEEDED));
    EvidenceImportance importance = new EvidenceImportance(evidence);
    List<GgufTensor> matrices =
        GgufModel.of(model).tensors().stream()
            .filter(GgufTypes::takesType)
            .filter(tensor -> InLayer.of(tensor.name()).isPresent())
            .toList();
    List<GgufTensor> known = matrices.stream().filter(importance::knows).toList();
    try (StagedFile staged = StagedFile.create(output, overwrite)) {
      ImportanceFile.write(staged.path(), importance.metadata(), known, importance::sums);
      staged.commit();
    }
    return new Written(known.size(), matrices.size() - known.size());
  }

  private Map<String, GgufValue> metadata() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put(
        "imatrix.datasets",
        GgufValue.texts(evidence.domains().stream().map(Evidence.Domain::name).toList()));
    long texts = evidence.domains().stream().mapToLong(Evidence.Domain::sequences).sum();
    values.put("imatrix.chunk_count", GgufValue.count(texts));
    values.put("imatrix.chunk_size", GgufValue.count(evidence.maxTokens()));
    return values;
  }

  private static Optional<LinearInput> input(GgufTensor tensor) {
    return InLayer.of(tensor.name()).flatMap(part -> GgufNames.input(part.name()));
  }

  private boolean knows(GgufTensor tensor) {
    return input(tensor).filter(input -> linears || input.isOfExperts()).isPresent();
  }

  private Sums sums(GgufTensor tensor) {
    int layer = InLayer.of(tensor.name()).orElseThrow().layer();
    LinearInput input = input(tensor).orElseThrow();
    return input.isOfExperts()
        ? experts(tensor, layer, input)
        : all(
            tensor,
            evidence.layer(layer).linears().sum(LinearStatistic.LINEAR_INPUT_SQUARE_SUM, input)[0]);
  }

  private Sums experts(GgufTensor tensor, int layer, LinearInput input) {
    Evidence.Layer seen = Objects.requireNonNull(evidence.layers().get(layer));
    Statistic statistic =
        input == LinearInput.EXPERT
            ? Statistic.INPUT_SQUARE_SUM
            : Statistic.INTERMEDIATE_SQUARE_SUM;
    return new Sums(tensor.name(), seen.matrix(statistic), seen.total(Statistic.ROUTED_TOKENS));
  }

  /// The same vector for every matrix of the tensor.
  private Sums all(GgufTensor tensor, double[] squares) {
    int matrices = tensor.shape().rank() > 2 ? (int) tensor.shape().dimension(0) : 1;
    double[][] sums = new double[matrices][];
    Arrays.fill(sums, squares);
    double[] counts = new double[matrices];
    Arrays.fill(counts, (double) evidence.tokens());
    return new Sums(tensor.name(), sums, counts);
  }
}
