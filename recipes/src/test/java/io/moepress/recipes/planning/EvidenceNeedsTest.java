package io.moepress.recipes.planning;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.EASY_EP_SUM;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Gates;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.target.Target;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is gathered follows from what is asked for.
class EvidenceNeedsTest {
  private static final DataSource MATH =
      new DataSource(Path.of("math.jsonl"), OptionalInt.empty(), "math");
  private static final Protection UNPROTECTED = new Protection(false, List.of());

  private record Needy(boolean needsReservoir, Set<Statistic> needs) implements PruneMethod {
    Needy(Statistic... needs) {
      this(false, Set.of(needs));
    }

    @Override
    public String name() {
      return "needy";
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      return List.of();
    }
  }

  @Test
  void aMethodThatNeedsNothingStillHasItsTokensCounted() {
    assertThat(EvidenceNeeds.of(recipe(UNPROTECTED, 0, new Needy())).statistics())
        .containsExactly(ROUTED_TOKENS);
  }

  @Test
  void protectionNeedsOutputMaxima() {
    assertThat(EvidenceNeeds.of(recipe(Protection.DEFAULT, 0, new Needy(GATE_SUM))).statistics())
        .containsExactly(ROUTED_TOKENS, GATE_SUM, OUTPUT_MAXIMUM);
  }

  @Test
  void baselinesNeedTheirsToo() {
    Recipe recipe = recipe(UNPROTECTED, 0, new Needy(EASY_EP_SUM), new Needy(COACTIVATION));

    assertThat(EvidenceNeeds.of(recipe).statistics())
        .containsExactly(ROUTED_TOKENS, EASY_EP_SUM, COACTIVATION);
  }

  @ParameterizedTest
  @CsvSource({"false, 0, 0", "false, 100, 100", "true, 0, 4096", "true, 100, 100"})
  void theReservoirIsAsLargeAsTheRecipeSaysOrTheMethodNeeds(
      boolean needed, int said, int expected) {
    EvidenceRequest request =
        EvidenceNeeds.of(recipe(UNPROTECTED, said, new Needy(needed, Set.of())));

    assertThat(request.reservoirTokens()).isEqualTo(expected);
    assertThat(request.seed()).isEqualTo(99);
  }

  @Test
  void aBaselineMayNeedTheReservoir() {
    Recipe recipe = recipe(UNPROTECTED, 0, new Needy(), new Needy(true, Set.of()));

    assertThat(EvidenceNeeds.of(recipe).reservoirTokens()).isEqualTo(4096);
  }

  private static Recipe recipe(
      Protection protection, int reservoirTokens, PruneMethod method, PruneMethod... baselines) {
    return new Recipe(
        Path.of("recipe.yaml"),
        "0".repeat(64),
        Path.of("in"),
        Path.of("out"),
        Target.TRANSFORMERS,
        99,
        new ByteSize(1),
        Optional.of(
            new CalibrationSpec(
                List.of(MATH), OptionalInt.empty(), 512, Order.FILE, reservoirTokens)),
        List.of(new PruneStep(method, new KeepCount(2), protection, RouterMode.SLICE)),
        Optional.of(new EvaluationSpec(List.of(MATH), 512, List.of(baselines), Gates.NONE)),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
