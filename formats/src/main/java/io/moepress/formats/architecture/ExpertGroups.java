package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.GroupScore;

/// The experts of a layer in groups of equal size, of which each token may use only some.
///
/// Experts of a group stand side by side: with `s` experts in each, group `g` holds experts `g · s`
/// to `(g + 1) · s - 1`. A router without such groups has one, and it is open.
///
/// A number of experts fits the groups when
///
/// * it divides into them,
/// * a group has as many experts as its score is made of, and
/// * the open groups have at least as many as a token uses.
///
/// @param count number of groups
/// @param open number of groups a token chooses from
/// @param score the score of a group
public record ExpertGroups(int count, int open, GroupScore score) {

  /// All experts together.
  public static final ExpertGroups NONE = new ExpertGroups(1, 1, GroupScore.MAX);

  public ExpertGroups {
    Checks.requireFormat(
        count >= 1 && open >= 1 && open <= count,
        "config.json: %d of %d expert groups are open to a token (expected 1 to %d)",
        open,
        count,
        count);
  }

  /// Experts in each group.
  public int size(int experts) {
    Checks.require(experts % count == 0, "%d experts in %d groups", experts, count);
    return experts / count;
  }

  /// Whether `experts` can stand in these groups, with `topK` used by each token.
  public boolean fit(int experts, int topK) {
    return experts % count == 0 && experts / count >= smallestSize(topK);
  }

  /// The number of experts nearest to `wanted` that fits, and is at most `available`; of two
  /// equally near the larger.
  ///
  /// @param available a number that fits
  public int nearest(int wanted, int available, int topK) {
    int lower = Math.floorDiv(wanted, count) * count;
    int nearest = wanted - lower < lower + count - wanted ? lower : lower + count;
    return Math.clamp(nearest, smallestSize(topK) * count, available);
  }

  /// What a number of experts must be, in words.
  public String rule(int topK) {
    return Checks.text(
        "a multiple of %d, at least %d: experts stand in %d groups, and a token uses %d of these",
        count, smallestSize(topK) * count, count, open);
  }

  /// How many experts each group needs, so that `topK` can be chosen whichever groups are open.
  public int smallestSize(int topK) {
    int scored =
        switch (score) {
          case MAX -> 1;
          case SUM_OF_TWO_LARGEST -> 2;
        };
    return Math.max(scored, Math.ceilDiv(topK, open));
  }
}
