package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.planning.ExpertSchemes;
import io.moepress.recipes.planning.QuantizedParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Finds the codes of linear maps from what they read: one forward pass over a corpus. The codes of
/// each layer go to a file as soon as they are found; a search that was stopped goes through the
/// layers that have theirs without looking for them again.
///
/// Each expert is a job that runs it once more on its tokens, adds up the products of what its maps
/// read, and finds its codes. So no more sums are in memory at a time than there are jobs. What
/// other maps read is added up as the texts go by.
///
/// @param method finds codes
/// @param options which weights, and what their codes are
/// @param schemes those of routed experts
public record CodeSearch(
    CalibratedQuantization method, QuantizeOptions options, ExpertSchemes schemes) {

  /// Arrays as large as the largest sum that are alive while a matrix is worked on.
  private static final int SUMS = 3;

  /// Arrays of doubles as large as a matrix, likewise.
  private static final int MATRICES = 4;

  /// What codes are sought of.
  ///
  /// @param fingerprint of the model
  /// @param corpus the texts
  /// @param maxTokens where they were cut
  public record Question(MoeModel model, String fingerprint, Corpus corpus, int maxTokens) {}

  /// A search with one scheme for all experts, which the options say.
  public CodeSearch(CalibratedQuantization method, QuantizeOptions options) {
    this(method, options, new ExpertSchemes.Same(options.experts()));
  }

  /// A digest of everything the codes depend on.
  public String inputs(Question question) {
    return Fingerprint.ofText(
        ToolVersion.text()
            + question.fingerprint()
            + question.corpus().digest()
            + question.maxTokens()
            + method
            + parts(question.model()));
  }

  /// What is quantised, without codes, by layer.
  SortedMap<Integer, List<Part>> parts(MoeModel model) {
    QuantizedParts chosen = new QuantizedParts(model, options, schemes);
    SortedMap<Integer, List<Part>> parts = new TreeMap<>();
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      List<Part> here = chosen.of(layer);
      if (!here.isEmpty()) {
        parts.put(layer, here);
      }
    }
    return parts;
  }

  /// What a search needs of memory.
  public PassMemory memory(MoeModel model, Corpus corpus) {
    ModelLayout layout = model.layout();
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    long largest = Math.max(hidden, width);
    long sums = hidden * hidden + width * width + (SUMS + 1) * largest * largest;
    long codes =
        Math.max(
            options.experts().storedBits(width, hidden, DType.F32),
            options.experts().storedBits(hidden, width, DType.F32));
    PassMemory pass =
        withOthers(PassMemory.of(model, corpus), model, corpus)
            .withJobs(Double.BYTES * (sums + MATRICES * hidden * width))
            .with(2L * 3 * layout.experts() * codes / Byte.SIZE);
    return method.hessians().sequential() ? pass.revising() : pass;
  }

  /// The sums of a layer, what a text adds to them, and the matrices that are worked on.
  private PassMemory withOthers(PassMemory pass, MoeModel model, Corpus corpus) {
    if (options.others().isEmpty()) {
      return pass;
    }
    long longest = corpus.sequences().stream().mapToInt(TokenSequence::length).max().orElse(1);
    long read = 0;
    long sums = 0;
    long solving = 0;
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      Map<LinearInput, LinearShape> inputs = inputs(model, layer);
      read = Math.max(read, inputs.values().stream().mapToLong(LinearShape::inputs).sum());
      sums = Math.max(sums, inputs.values().stream().mapToLong(CodeSearch::square).sum());
      for (LinearShape shape : inputs.values()) {
        solving = Math.max(solving, SUMS * square(shape) + MATRICES * shape.weights());
      }
    }
    return pass.with(Float.BYTES * longest * read, Double.BYTES * sums)
        .withJobs(Double.BYTES * solving);
  }

  /// What the maps of a layer read that are of no expert, each with the largest map that reads it.
  private static Map<LinearInput, LinearShape> inputs(MoeModel model, int layer) {
    Map<LinearInput, LinearShape> inputs = new EnumMap<>(LinearInput.class);
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.layer() == layer && !id.role().isExpert()) {
        LinearInput.of(id.role())
            .ifPresent(input ->
                inputs.merge(
                    input,
                    LinearShape.of(model, id),
                    (one, other) -> one.weights() > other.weights() ? one : other));
      }
    }
    return inputs;
  }

  private static long square(LinearShape shape) {
    return shape.inputs() * shape.inputs();
  }

  /// Searches.
  ///
  /// @param directory where the codes are kept
  /// @return those of all layers with anything to quantise
  public SortedMap<Integer, LayerCodes> search(
      Question question, PassResources resources, Path directory) throws IOException {
    LayerCodeSearch search = new LayerCodeSearch(this, question, resources, directory);
    search.requireFitting();
    Files.createDirectories(directory);
    search.findKept();
    if (!search.isFinished()) {
      search.run();
    }
    return search.found();
  }
}
