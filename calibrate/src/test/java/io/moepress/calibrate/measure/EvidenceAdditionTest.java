package io.moepress.calibrate.measure;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.Routing;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceMerge;
import io.moepress.recipes.evidence.EvidenceMerge.Part;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LayerKeeper;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.evidence.Statistic.Form;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The same activations seen in two parts and at once: what is kept by domain is the same to the
/// last bit, what is added over domains to the last roundings.
class EvidenceAdditionTest {
  private static final int EXPERTS = 5;
  private static final int TOP_K = 2;
  private static final int WIDTH = 6;
  private static final EvidenceRequest REQUEST = request();

  /// All but the sums of activations, which the pass forms and not the collector.
  private static EvidenceRequest request() {
    EnumSet<Statistic> statistics = EnumSet.allOf(Statistic.class);
    statistics.removeIf(
        statistic -> statistic.form() == Form.HIDDEN || statistic.form() == Form.INTERMEDIATE);
    statistics.removeIf(Statistic::isOverReservoir);
    return new EvidenceRequest(statistics, Integer.MAX_VALUE, 1);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void partsAddUpToTheWhole(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int first = random.nextInt(1, 40);
    int second = random.nextInt(1, 40);
    Seen all = Seen.random(random, first + second);

    Evidence whole =
        all.evidence(
            Corpora.of(List.of(new int[first]), List.of(new int[second])), 0, first + second);
    Evidence one = renamed("a", all.evidence(Corpora.of(new int[first]), 0, first));
    Evidence other = renamed("b", all.evidence(Corpora.of(new int[second]), first, first + second));
    Evidence merged = EvidenceMerge.merge(List.of(new Part("a", one), new Part("b", other)));

    Evidence.Layer expected = whole.layers().get(3);
    Evidence.Layer found = merged.layers().get(3);
    for (Statistic statistic : REQUEST.statistics()) {
      if (!statistic.isMatrix()) {
        assertThat(found.byDomain(statistic))
            .as("%s", statistic)
            .isDeepEqualTo(expected.byDomain(statistic));
      }
    }
    assertThat(found.matrix(Statistic.COACTIVATION))
        .isDeepEqualTo(expected.matrix(Statistic.COACTIVATION));
    assertGramsAreClose(found, expected, first + second);
    assertThat(found.reservoir()).usingRecursiveComparison().isEqualTo(expected.reservoir());
  }

  /// A sum of n products of logits below 4 in either order is off by n roundings of 2⁻⁵³ of at most
  /// 16 n.
  private static void assertGramsAreClose(
      Evidence.Layer found, Evidence.Layer expected, int tokens) {
    double bound = tokens * Math.scalb(1.0, -53) * 16 * tokens;
    for (int row = 0; row < EXPERTS; row++) {
      assertThat(found.matrix(Statistic.ROUTER_LOGIT_GRAM)[row])
          .containsExactly(expected.matrix(Statistic.ROUTER_LOGIT_GRAM)[row], within(bound));
    }
  }

  private static Evidence renamed(String name, Evidence evidence) {
    Evidence.Domain domain = evidence.domains().getFirst();
    return new Evidence(
        evidence.checkpoint(),
        evidence.maxTokens(),
        List.of(new Evidence.Domain(name, domain.digest(), domain.sequences(), domain.tokens())),
        evidence.layers(),
        evidence.sampling());
  }

  /// What a layer did with some tokens, by chance.
  private record Seen(
      int[] experts,
      float[] weights,
      float[] scores,
      float[] norms,
      float[] maxima,
      float[] residual,
      float[] output,
      float[] logits) {

    static Seen random(SplittableRandom random, int tokens) {
      int slots = tokens * TOP_K;
      int[] experts = new int[slots];
      Random shuffle = new Random(random.nextLong());
      for (int token = 0; token < tokens; token++) {
        List<Integer> all = new ArrayList<>(IntStream.range(0, EXPERTS).boxed().toList());
        Collections.shuffle(all, shuffle);
        experts[token * TOP_K] = all.get(0);
        experts[token * TOP_K + 1] = all.get(1);
      }
      return new Seen(
          experts,
          floats(random, slots),
          floats(random, slots),
          floats(random, slots),
          floats(random, slots),
          floats(random, tokens * WIDTH),
          floats(random, tokens * WIDTH),
          floats(random, tokens * EXPERTS));
    }

    private static float[] floats(SplittableRandom random, int count) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) random.nextDouble(-4, 4);
      }
      return values;
    }

    /// Evidence of the tokens from `first` to `end - 1`.
    Evidence evidence(Corpus corpus, int first, int end) throws IOException {
      EvidenceCollector collector = new EvidenceCollector(corpus, REQUEST, LayerKeeper.IN_MEMORY);
      Routing routing =
          new Routing(
              TOP_K,
              Arrays.copyOfRange(experts, first * TOP_K, end * TOP_K),
              slots(weights, first, end),
              slots(scores, first, end));
      try (HiddenStates h = states(residual, first, end);
          HiddenStates y = states(output, first, end)) {
        collector.observe(
            new MoePass(
                3,
                EXPERTS,
                routing,
                slots(norms, first, end),
                slots(maxima, first, end),
                h,
                h,
                y,
                Map.of(),
                sink -> {
                  for (int token = first; token < end; token++) {
                    float[] row =
                        Arrays.copyOfRange(logits, token * EXPERTS, (token + 1) * EXPERTS);
                    sink.accept(token - first, row);
                  }
                },
                tokens -> {
                  throw new IllegalStateException("nobody asked for all outputs");
                },
                widths -> {
                  SortedMap<Integer, float[]> errors = new TreeMap<>();
                  widths.forEach(bits -> errors.put(bits, slots(norms, first, end)));
                  return errors;
                },
                (expert, sink) -> {
                  throw new IllegalStateException("nobody asked for activations");
                }));
      }
      List<Evidence.Domain> domains = new ArrayList<>();
      for (int domain = 0; domain < corpus.domains().size(); domain++) {
        int tokens = corpus.sequences().get(domain).length();
        domains.add(new Evidence.Domain("d" + domain, "sha256:" + domain, 1, tokens));
      }
      return new Evidence(
          "sha256:checkpoint", 512, domains, collector.layers(), collector.sampling());
    }

    private static float[] slots(float[] values, int first, int end) {
      return Arrays.copyOfRange(values, first * TOP_K, end * TOP_K);
    }

    private static HiddenStates states(float[] values, int first, int end) {
      HiddenStates states = HiddenStates.inMemory(end - first, WIDTH);
      for (int i = first * WIDTH; i < end * WIDTH; i++) {
        states.rows(0, end - first).setAtIndex(JAVA_FLOAT, i - first * WIDTH, values[i]);
      }
      return states;
    }
  }
}
