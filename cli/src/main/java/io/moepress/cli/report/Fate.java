package io.moepress.cli.report;

import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;

/// What becomes of an expert.
enum Fate {
  KEPT("kept"),
  PROTECTED("kept, protected"),
  MERGED("merged into another"),
  DROPPED("dropped");

  private final String label;

  Fate(String label) {
    this.label = label;
  }

  /// For a reader.
  String label() {
    return label;
  }

  /// What a step does with an expert. Of a group, the member with the largest share counts as kept.
  static Fate of(ExpertStep step, int expert) {
    return switch (step) {
      case KeepExperts keep -> {
        Fate kept = keep.guarded().contains(expert) ? PROTECTED : KEPT;
        yield keep.kept().contains(expert) ? kept : DROPPED;
      }
      case MergeExperts merge -> {
        Group group = merge.groups().get(merge.groupOf(expert));
        yield group.dominant() == expert ? KEPT : MERGED;
      }
    };
  }
}
