package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.calibrate.forward.TopKRouter.Selection;
import io.moepress.calibrate.forward.TopKRouter.Weighting;
import io.moepress.formats.architecture.Architecture.GroupScore;
import io.moepress.formats.architecture.Architecture.RouterScore;
import io.moepress.formats.architecture.ExpertGroups;
import org.junit.jupiter.api.Test;

class TopKRouterTest {
  /// Each number is the result of a handful of roundings.
  private static final float TOLERANCE = 1e-6f;

  private static final Weighting RENORMALISED = new Weighting(true, 0, 1);

  @Test
  void weighsBySoftmaxOverAllExperts() {
    TopKRouter router =
        new TopKRouter(RouterScore.SOFTMAX, 2, Selection.BY_SCORE, Weighting.AS_SCORED);

    Routing routing = route(router, log(1), log(5), log(2), log(2));

    assertThat(routing.experts()).containsExactly(1, 2);
    assertWeights(routing, 0.5f, 0.2f);
  }

  @Test
  void renormalisesTheChosen() {
    TopKRouter router = new TopKRouter(RouterScore.SOFTMAX, 2, Selection.BY_SCORE, RENORMALISED);

    Routing routing = route(router, log(1), log(6), log(2), log(1));

    assertWeights(routing, 0.75f, 0.25f);
  }

  @Test
  void weighsBySoftmaxOverTheChosen() {
    TopKRouter router =
        new TopKRouter(RouterScore.SOFTMAX_OF_CHOSEN, 2, Selection.BY_SCORE, Weighting.AS_SCORED);

    Routing routing = route(router, log(1), log(6), log(2), log(1));

    assertThat(routing.experts()).containsExactly(1, 2);
    assertWeights(routing, 0.75f, 0.25f);
  }

  @Test
  void weighsBySigmoid() {
    TopKRouter router =
        new TopKRouter(RouterScore.SIGMOID, 2, Selection.BY_SCORE, Weighting.AS_SCORED);

    Routing routing = route(router, 0, log(3), log(4), log(0.25));

    assertThat(routing.experts()).containsExactly(2, 1);
    assertWeights(routing, 0.8f, 0.75f);
  }

  @Test
  void scalesAfterRenormalising() {
    Weighting weighting = new Weighting(true, 0.25f, 2.5f);
    TopKRouter router = new TopKRouter(RouterScore.SIGMOID, 2, Selection.BY_SCORE, weighting);

    Routing routing = route(router, 0, log(3), log(1.0 / 3), log(1.0 / 9));

    // 0.75 and 0.5, divided by 0.75 + 0.5 + 0.25
    assertWeights(routing, 2.5f * 0.5f, 2.5f / 3);
  }

  @Test
  void breaksTiesTowardsTheLowerIndex() {
    TopKRouter router =
        new TopKRouter(RouterScore.SOFTMAX, 3, Selection.BY_SCORE, Weighting.AS_SCORED);

    assertThat(route(router, 1, 2, 1, 2, 2).experts()).containsExactly(1, 3, 4);
    assertThat(route(router, 1, 1, 1, 1, 1).experts()).containsExactly(0, 1, 2);
  }

  @Test
  void choosesWithTheBiasAndWeighsWithoutIt() {
    Selection selection = new Selection(new float[] {0, 0, 0.5f, 0}, ExpertGroups.NONE);
    TopKRouter router = new TopKRouter(RouterScore.SIGMOID, 2, selection, Weighting.AS_SCORED);

    Routing routing = route(router, log(3), 0, log(1.0 / 3), log(1.0 / 9));

    assertThat(routing.experts()).as("0.75 twice, then 0.5").containsExactly(0, 2);
    assertWeights(routing, 0.75f, 0.25f);
  }

  @Test
  void closesGroupsWhoseBestIsWorse() {
    TopKRouter router = grouped(new ExpertGroups(3, 2, GroupScore.MAX), 3);

    // groups by their best: 9, 8, 7
    assertThat(route(router, 1, 9, 6, 7, 8, 2).experts()).containsExactly(1, 4, 5);
  }

  @Test
  void closesGroupsWhoseTwoBestAreWorseTogether() {
    ExpertGroups groups = new ExpertGroups(2, 1, GroupScore.SUM_OF_TWO_LARGEST);
    Selection selection = new Selection(new float[0], groups);
    TopKRouter router = new TopKRouter(RouterScore.SIGMOID, 2, selection, Weighting.AS_SCORED);

    // 0.8 + 0.2 against 0.75 + 0.5: the best expert of all is left out
    Routing routing = route(router, log(4), log(0.25), log(0.25), log(3), log(1), log(1.0 / 99));

    assertThat(routing.experts()).containsExactly(3, 4);
  }

  @Test
  void scoresGroupsWithTheBias() {
    ExpertGroups groups = new ExpertGroups(2, 1, GroupScore.SUM_OF_TWO_LARGEST);
    Selection selection = new Selection(new float[] {-0.9f, 0, 0, 0}, groups);
    TopKRouter router = new TopKRouter(RouterScore.SIGMOID, 1, selection, Weighting.AS_SCORED);

    assertThat(route(router, 3, 2, 1, 0).experts()).containsExactly(2);
  }

  @Test
  void opensTheLowerOfTwoEqualGroups() {
    TopKRouter router = grouped(new ExpertGroups(3, 1, GroupScore.MAX), 2);

    assertThat(route(router, 1, 2, 5, 0, 0, 5).experts()).containsExactly(2, 3);
  }

  @Test
  void takesNegativeCandidatesOfOpenGroupsBeforeClosedOnes() {
    ExpertGroups groups = new ExpertGroups(2, 1, GroupScore.MAX);
    Selection selection = new Selection(new float[] {-2, -2, -3, -3}, groups);
    TopKRouter router = new TopKRouter(RouterScore.SIGMOID, 2, selection, Weighting.AS_SCORED);

    assertThat(route(router, 0, 0, 0, 0).experts()).containsExactly(0, 1);
  }

  /// What MC-MoE weighs experts by: neither renormalised nor scaled, and without the bias that
  /// decided who was chosen.
  @Test
  void keepsTheScoresBesideTheWeights() {
    Selection selection = new Selection(new float[] {0, 0, 0.9f}, ExpertGroups.NONE);
    TopKRouter sigmoid =
        new TopKRouter(RouterScore.SIGMOID, 2, selection, new Weighting(true, 0, 2.5f));

    Routing routing = route(sigmoid, log(3), log(1), log(0.25)); // 0.75, 0.5, 0.2

    assertThat(routing.experts()).containsExactly(2, 0);
    assertThat(routing.scores()).containsExactly(new float[] {0.2f, 0.75f}, offset(TOLERANCE));
    assertWeights(routing, 2.5f * 0.2f / 0.95f, 2.5f * 0.75f / 0.95f);
  }

  @Test
  void scoresAreASoftmaxOverAllExpertsEvenWhereWeightsAreNot() {
    TopKRouter router =
        new TopKRouter(RouterScore.SOFTMAX_OF_CHOSEN, 2, Selection.BY_SCORE, Weighting.AS_SCORED);

    Routing routing = route(router, log(2), log(1), log(1)); // 0.5, 0.25, 0.25

    assertThat(routing.scores()).containsExactly(new float[] {0.5f, 0.25f}, offset(TOLERANCE));
    assertWeights(routing, 2 / 3f, 1 / 3f);
  }

  @Test
  void writesToTheTokensOwnSlots() {
    TopKRouter router =
        new TopKRouter(RouterScore.SOFTMAX, 1, Selection.BY_SCORE, Weighting.AS_SCORED);
    Routing routing = Routing.ofTokens(2, 1);

    router.route(new float[] {0, 1}, routing, 1);

    assertThat(routing.experts()).containsExactly(0, 1);
    assertThat(routing.weights()[0]).isZero();
  }

  private static TopKRouter grouped(ExpertGroups groups, int topK) {
    Selection selection = new Selection(new float[0], groups);
    return new TopKRouter(RouterScore.SOFTMAX, topK, selection, Weighting.AS_SCORED);
  }

  private static Routing route(TopKRouter router, float... logits) {
    Routing routing = Routing.ofTokens(1, router.topK());
    router.route(logits, routing, 0);
    return routing;
  }

  private static float log(double value) {
    return (float) Math.log(value);
  }

  private static void assertWeights(Routing routing, float... expected) {
    assertThat(routing.weights()).containsExactly(expected, offset(TOLERANCE));
  }
}
