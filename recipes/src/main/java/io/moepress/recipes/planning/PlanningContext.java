package io.moepress.recipes.planning;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.formats.Checks;
import io.moepress.formats.Jobs;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.SuperExperts;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/// What the planning of every kind of step needs: who is protected, what the target takes, and
/// notes for the reader of the plan.
final class PlanningContext {
  private final MoeModel model;
  private final Subject subject;
  private final List<String> notes = new ArrayList<>();

  PlanningContext(MoeModel model, Subject subject) {
    this.model = model;
    this.subject = subject;
  }

  /// What a reader of the plan should know.
  List<String> notes() {
    return notes;
  }

  /// Tells the reader of the plan something.
  void note(String text) {
    notes.add(text);
  }

  /// The experts that no method may drop, by order of the recipe or because they are super experts.
  SortedSet<ExpertId> guarded(Protection protection) {
    SortedSet<ExpertId> guarded = listed(protection);
    if (protection.superExperts()) {
      guarded.addAll(superExperts());
    }
    return guarded;
  }

  /// The experts that the recipe itself protects.
  SortedSet<ExpertId> listed(Protection protection) {
    SortedSet<ExpertId> guarded = new TreeSet<>(protection.experts());
    for (ExpertId expert : guarded) {
      ModelLayout layout = model.layout();
      if (!layout.moeLayers().contains(expert.layer())
          || expert.expert() >= layout.experts(expert.layer())) {
        throw new PlanMismatchException(
            "protected expert %s does not exist (layers %s have experts 0 to %d%s)",
            expert,
            layout.moeLayers(),
            layout.experts() - 1,
            layout.distinctExperts().size() > 1 ? ", or fewer" : "");
      }
    }
    return guarded;
  }

  private SortedSet<ExpertId> superExperts() {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      notes.add("super experts are unknown without calibration, so none is protected");
      return new TreeSet<>();
    }
    SortedSet<ExpertId> found = SuperExperts.find(evidence, model.layout().layers());
    notes.add(
        found.isEmpty()
            ? "no super experts found"
            : "super experts (layer:expert), protected: " + found);
    return found;
  }

  /// Notes how many experts calibration did not reach.
  void noteStarved() {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      return;
    }
    long experts = 0;
    long starved = 0;
    for (Evidence.Layer layer : evidence.layers().values()) {
      experts += layer.experts();
      starved +=
          Arrays.stream(layer.total(Statistic.ROUTED_TOKENS)).filter(count -> count == 0).count();
    }
    if (starved > 0) {
      notes.add(Checks.text("%d of %d experts saw no calibration token", starved, experts));
    }
  }

  /// Makes sure that the target takes so many experts, and notes what it has to say of them.
  ///
  /// @return what it has to say
  /// @throws PlanMismatchException when it does not
  @CanIgnoreReturnValue
  List<Finding> checkTarget(ExpertNumbers numbers) {
    List<Finding> findings = TargetRules.check(subject.target(), numbers);
    for (Finding finding : findings) {
      if (finding.refusal()) {
        throw new PlanMismatchException("%s", finding.text());
      }
      notes.add(finding.text());
    }
    return findings;
  }

  /// For methods that look at every weight.
  Jobs jobs() {
    return subject.jobs();
  }

  /// The runtime that has to load the result.
  Target target() {
    return subject.target();
  }
}
