package io.moepress.prune;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.Allocation.EachLayer;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// What a method is asked, written down by hand: evidence, how many experts stay, who is guarded.
final class Question {
  /// For methods that look at evidence alone.
  static final Supplier<MoeModel> NO_WEIGHTS =
      () -> {
        throw new AssertionError("scores of evidence alone look at no weights");
      };

  private final List<String> domains;
  private final int experts;
  private final SortedMap<Integer, Map<Statistic, double[][]>> layers = new TreeMap<>();
  private final SortedSet<ExpertId> guarded = new TreeSet<>();
  private int topK = 1;

  private Question(int experts, List<String> domains) {
    this.experts = experts;
    this.domains = domains;
  }

  /// About layers of `experts` experts, measured on some domains.
  static Question about(int experts, String... domains) {
    return new Question(experts, List.of(domains));
  }

  /// About one layer, measured on one domain.
  static Question about(Statistic statistic, double... values) {
    return about(values.length, "math").with(0, statistic, values);
  }

  /// About layers without evidence.
  static Question withoutEvidence(int experts, int... layers) {
    Question question = about(experts);
    IntStream.of(layers).forEach(layer -> question.layers.put(layer, Map.of()));
    return question;
  }

  @CanIgnoreReturnValue
  Question with(int layer, Statistic statistic, double[]... byDomain) {
    layers.computeIfAbsent(layer, index -> new EnumMap<>(Statistic.class)).put(statistic, byDomain);
    return this;
  }

  /// Experts that a token uses; one unless this is called.
  @CanIgnoreReturnValue
  Question topK(int count) {
    topK = count;
    return this;
  }

  @CanIgnoreReturnValue
  Question guard(int layer, int... expertsOfLayer) {
    IntStream.of(expertsOfLayer).forEach(expert -> guarded.add(new ExpertId(layer, expert)));
    return this;
  }

  /// What `method` decides when `count` experts stay.
  List<KeepExperts> ask(ScoredPruning method, int count) {
    return ask(method, new EachLayer(new KeepCount(count).counts(layout())));
  }

  /// What `method` decides.
  List<KeepExperts> ask(ScoredPruning method, Allocation allocation) {
    try {
      return method.plan(request(allocation));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The experts of layer 0 that `method` keeps.
  List<Integer> kept(ScoredPruning method, int count) {
    return ask(method, count).getFirst().kept();
  }

  /// The scores that `method` gives in a layer.
  double[] scores(ScoredPruning method, int layer) {
    try {
      return method.scores(layer, evidence().layers().get(layer), request(new Global(1)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The request that a method gets.
  PruneRequest request(Allocation allocation) {
    return new PruneRequest(
        NO_WEIGHTS, layout(), evidence(), allocation, guarded, RouterMode.SLICE);
  }

  private ModelLayout layout() {
    int last = layers.lastKey();
    TinyMoe model = TinyMoe.mixtral().layers(last + 1).experts(experts).topK(topK);
    return ModelLayout.of(ModelConfig.parse(model.configJson()));
  }

  private Evidence evidence() {
    SortedMap<Integer, Evidence.Layer> made = new TreeMap<>();
    layers.forEach((layer, values) -> made.put(layer, new Evidence.Layer(experts, values)));
    return new Evidence(
        "sha256:checkpoint",
        512,
        domains.stream().map(name -> new Evidence.Domain(name, "sha256:" + name, 1, 9)).toList(),
        made);
  }
}
