package io.moepress.testdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlantedTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void silentExpertsAreReachedAndSayNothing(long seed) {
    NaiveMoe moe = run(TinyMoe.qwen3().seed(seed).plant(Planted.silentExperts(1, 0, 3)), seed);
    assertThat(moe.visits)
        .anyMatch(visit -> visit.layer() == 1 && visit.expert() == 0 && visit.gate() > 0)
        .allMatch(visit -> isOneOf(visit, 1, 0, 3) == (visit.norm() == 0));
  }

  @Test
  void withoutSilentExpertsTokensThatMissedThemKeepTheirLogits() {
    TinyMoe moe = TinyMoe.mixtral().layers(1).plant(Planted.silentExperts(0, 2));
    NaiveMoe full = new NaiveMoe(moe);
    NaiveMoe pruned = NaiveMoe.without(moe, Map.of(0, Set.of(2)));
    int kept = 0;
    for (int token = 0; token < moe.vocabulary; token++) {
      full.visits.clear();
      double[] before = full.logits(token)[0];
      double[] after = pruned.logits(token)[0];
      if (full.visits.stream().noneMatch(visit -> visit.expert() == 2)) {
        assertThat(after).containsExactly(before, within(1e-12)); // gates round anew
        kept++;
      } else {
        assertThat(after).isNotEqualTo(before);
      }
    }
    assertThat(kept).isBetween(1, moe.vocabulary - 1);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void withoutUnreachableExpertsLogitsAreTheSameBits(long seed) {
    TinyMoe moe = unreachable(TinyMoe.qwen3().seed(seed).layers(3).experts(6));
    Map<Integer, Set<Integer>> dropped = Map.of(0, Set.of(1, 2), 1, Set.of(0, 4, 5));
    int[] tokens = tokens(seed, moe.vocabulary);
    NaiveMoe full = new NaiveMoe(moe);
    assertThat(NaiveMoe.without(moe, dropped).logits(tokens)).isDeepEqualTo(full.logits(tokens));
    assertThat(full.visits)
        .noneMatch(visit -> isOneOf(visit, 0, 1, 2) || isOneOf(visit, 1, 0, 4, 5));
    assertThat(full.visits)
        .anyMatch(visit -> isOneOf(visit, 0, 0))
        .anyMatch(visit -> isOneOf(visit, 1, 1));
    assertThat(full.softmaxes.getFirst()[1]).isZero();
    assertThat(full.softmaxes.getFirst()[0]).isPositive();
  }

  @Test
  void unreachableExpertsStayUnreachableBesideASuperExpert() {
    TinyMoe moe =
        unreachable(TinyMoe.mixtral().layers(3).experts(6).plant(Planted.superExpert(0, 3)));
    assertThat(run(moe, 1).visits)
        .noneMatch(visit -> isOneOf(visit, 0, 1, 2) || isOneOf(visit, 1, 0, 4, 5));
  }

  @Test
  void reachableRoutersDependOnTheToken() {
    NaiveMoe moe = run(unreachable(TinyMoe.qwen3().layers(3).experts(6)), 1);
    assertThat(moe.visits.stream().filter(visit -> visit.layer() == 0).map(NaiveMoe.Visit::expert))
        .contains(0, 3, 4, 5);
  }

  @Test
  void refusesToMakeTooManyExpertsUnreachable() {
    TinyMoe moe = TinyMoe.qwen3().plant(Planted.unreachableExperts(0, 0, 1, 2));
    assertThatIllegalArgumentException().isThrownBy(moe::tensors).withMessageContaining("top-2");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void superExpertTowersOverItsLayer(long seed) {
    NaiveMoe moe = run(TinyMoe.qwen3().seed(seed).plant(Planted.superExpert(0, 2)), seed);
    double[] means =
        moe.visits.stream()
            .filter(visit -> visit.layer() == 0)
            .collect(
                () -> new double[4],
                (sums, visit) -> sums[visit.expert()] += visit.norm(),
                (a, b) -> {});
    double towering = means[2];
    means[2] = 0;
    assertThat(towering).isGreaterThan(100 * Arrays.stream(means).max().orElseThrow());
  }

  @Test
  void twinsAreTheSameExpertBehindDifferentRouterRows() {
    TinyMoe moe = TinyMoe.mixtral().plant(Planted.twinExperts(1, 3, 0));
    assertThat(moe.values(moe.family().down(1, 0))).isEqualTo(moe.values(moe.family().down(1, 3)));
    assertThat(moe.values(moe.family().router(1)))
        .isEqualTo(TinyMoe.mixtral().values(moe.family().router(1)));
  }

  @Test
  void permutedExpertsAreTheSameModel() {
    TinyMoe moe = TinyMoe.qwen3().layers(3);
    int[] tokens = tokens(1, moe.vocabulary);
    NaiveMoe original = new NaiveMoe(moe);
    double[][] expected = original.logits(tokens);
    int[] permutation = {3, 1, 0, 2};
    NaiveMoe permuted =
        new NaiveMoe(TinyMoe.qwen3().layers(3).plant(Planted.permuted(permutation)));
    double[][] logits = permuted.logits(tokens);
    for (int position = 0; position < tokens.length; position++) {
      assertThat(logits[position]).containsExactly(expected[position], within(1e-12));
    }
    for (int i = 0; i < original.visits.size(); i++) {
      assertThat(permutation[permuted.visits.get(i).expert()])
          .isEqualTo(original.visits.get(i).expert());
    }
  }

  @Test
  void refusesWhatIsNoPermutation() {
    TinyMoe moe = TinyMoe.qwen3().plant(Planted.permuted(0, 1, 1, 2));
    assertThatIllegalArgumentException()
        .isThrownBy(moe::tensors)
        .withMessageContaining("[0, 1, 1, 2]");
  }

  private static TinyMoe unreachable(TinyMoe moe) {
    return moe.plant(Planted.unreachableExperts(0, 1, 2))
        .plant(Planted.unreachableExperts(1, 0, 4, 5));
  }

  private static NaiveMoe run(TinyMoe moe, long seed) {
    NaiveMoe naive = new NaiveMoe(moe);
    double[][] logits = naive.logits(tokens(seed, moe.vocabulary));
    assertThat(logits).hasDimensions(60, moe.vocabulary);
    return naive;
  }

  private static int[] tokens(long seed, int vocabulary) {
    return new SplittableRandom(seed).ints(60, 0, vocabulary).toArray();
  }

  private static boolean isOneOf(NaiveMoe.Visit visit, int layer, int... experts) {
    return visit.layer() == layer && Arrays.stream(experts).anyMatch(e -> e == visit.expert());
  }
}
