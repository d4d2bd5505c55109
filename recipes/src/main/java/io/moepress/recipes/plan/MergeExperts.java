package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// Makes one expert of each group of experts of a layer. The experts of the result are numbered as
/// the groups are listed: in ascending order of their smallest member.
///
/// Everything is explicit: how much of each member goes into the expert, and how much of each
/// member's router row into the row of the group. A member with weight 1 stands for its group
/// alone, and its bytes are copied.
///
/// @param layer decoder layer index
/// @param method name of the method that decided
/// @param router how the router rows of groups come about, in a word, for the reader; `map`: all
///   rows stay where they are
/// @param groups every expert of the layer in exactly one of them
/// @param rule what is done beside adding up
/// @param joins how the groups came about, the nearest first, for the reader; empty where that is
///   no sequence of joins
public record MergeExperts(
    int layer, String method, String router, List<Group> groups, MergeRule rule, List<Join> joins)
    implements ExpertStep {

  private static final List<Double> ONE = List.of(1.0);

  /// Groups whose members are added up, and nothing else.
  public MergeExperts(int layer, String method, String router, List<Group> groups) {
    this(layer, method, router, groups, MergeRule.MEAN, List.of());
  }

  /// Two clusters of experts that became one.
  ///
  /// @param first smallest member of the one
  /// @param second smallest member of the other
  /// @param height how far apart they were
  public record Join(int first, int second, double height) {}

  /// Experts that become one.
  ///
  /// @param members expert indices, ascending
  /// @param weights share of each member in the tensors of the new expert; their sum is 1
  /// @param routerWeights share of each member in the router row and the selection bias of the new
  ///   expert; with router `map`, where each keeps its own, not used
  /// @param routerBias added to the router bias of the new expert, where the architecture has one
  public record Group(
      List<Integer> members, List<Double> weights, List<Double> routerWeights, double routerBias) {
    private static final double TOLERANCE = 1e-6;

    /// A group that gets nothing added to its router bias.
    public Group(List<Integer> members, List<Double> weights, List<Double> routerWeights) {
      this(members, weights, routerWeights, 0);
    }

    public Group {
      members = List.copyOf(members);
      weights = List.copyOf(weights);
      routerWeights = List.copyOf(routerWeights);
      Checks.require(!members.isEmpty(), "a group without members");
      requireAscending(members);
      requireOneEach(members, weights, "weights");
      requireOneEach(members, routerWeights, "routerWeights");
      Checks.require(Double.isFinite(routerBias), "group %s: routerBias %s", members, routerBias);
      double sum = weights.stream().mapToDouble(Double::doubleValue).sum();
      Checks.require(
          Math.abs(sum - 1) <= TOLERANCE,
          "group %s: the weights %s add up to %s (expected 1)",
          members,
          weights,
          sum);
    }

    /// A group for which one of its members stands.
    ///
    /// @param representative one of `members`
    public static Group represented(List<Integer> members, int representative) {
      List<Double> weights =
          members.stream().map(member -> member == representative ? 1.0 : 0.0).toList();
      return new Group(members, weights, weights);
    }

    /// A group of which all members have the same share.
    public static Group mean(List<Integer> members) {
      List<Double> weights = members.stream().map(_ -> 1.0 / members.size()).toList();
      return new Group(members, weights, weights);
    }

    /// The member that stands for all; empty when the expert is mixed of several.
    public Optional<Integer> representative() {
      int place = weights.indexOf(1.0);
      boolean alone = place >= 0 && weights.stream().filter(weight -> weight != 0).count() == 1;
      return alone ? Optional.of(members.get(place)) : Optional.empty();
    }

    /// The member with the largest share in the new expert; of equal ones that with the largest
    /// share in its router row, of these the lowest.
    public int dominant() {
      int dominant = 0;
      for (int i = 1; i < members.size(); i++) {
        int byWeight = Double.compare(weights.get(i), weights.get(dominant));
        int byRow = Double.compare(routerWeights.get(i), routerWeights.get(dominant));
        dominant = byWeight > 0 || (byWeight == 0 && byRow > 0) ? i : dominant;
      }
      return members.get(dominant);
    }

    private static void requireAscending(List<Integer> members) {
      for (int i = 0; i < members.size(); i++) {
        Checks.require(
            members.get(i) >= 0 && (i == 0 || members.get(i) > members.get(i - 1)),
            "the members of a group must ascend without repeats: %s",
            members);
      }
    }

    private static void requireOneEach(List<Integer> members, List<Double> values, String what) {
      Checks.require(
          values.size() == members.size() && values.stream().allMatch(Double::isFinite),
          "group %s: %s %s (expected a finite number for each member)",
          members,
          what,
          values);
    }
  }

  public MergeExperts {
    groups = List.copyOf(groups);
    joins = List.copyOf(joins);
    requirePartition(layer, groups);
  }

  private static void requirePartition(int layer, List<Group> groups) {
    List<Integer> all =
        groups.stream().flatMap(group -> group.members().stream()).sorted().toList();
    Checks.require(
        !all.isEmpty() && all.equals(IntStream.range(0, all.size()).boxed().toList()),
        "layer %d: every expert must be in exactly one group: %s",
        layer,
        groups.stream().map(Group::members).toList());
    List<Integer> first = groups.stream().map(group -> group.members().getFirst()).toList();
    Checks.require(
        first.equals(first.stream().sorted().toList()),
        "layer %d: groups must ascend by their smallest member: %s",
        layer,
        groups.stream().map(Group::members).toList());
  }

  /// Whether all router rows stay, and those of the members of a group lead to one expert.
  public boolean keepsRows() {
    return MergeRouter.named(router).filter(MergeRouter::keepsRows).isPresent();
  }

  /// Whether every expert of the result is one that there was, so that only bytes move. Router rows
  /// may be mixed all the same.
  public boolean onlyMoves() {
    return groups.stream()
        .allMatch(group ->
            group.representative().isPresent()
                && (group.members().size() == 1 || rule.onlyAddsUp()));
  }

  /// Whether every router row of the result is one that there was.
  public boolean onlyMovesRows() {
    return keepsRows()
        || groups.stream()
            .allMatch(group ->
                group.routerWeights().stream().filter(weight -> weight != 0).toList().equals(ONE));
  }

  /// The group of each expert, `[E]`.
  public List<Integer> groupOfEach() {
    return IntStream.range(0, experts()).map(this::groupOf).boxed().toList();
  }

  @Override
  public int experts() {
    return groups.stream().mapToInt(group -> group.members().size()).sum();
  }

  @Override
  public int left() {
    return groups.size();
  }

  @Override
  public List<PlanArray> arrays() {
    return rule.arrays();
  }

  /// The group an expert is in.
  ///
  /// @return index in [#groups]
  public int groupOf(int expert) {
    return IntStream.range(0, groups.size())
        .filter(group -> groups.get(group).members().contains(expert))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("layer " + layer + " has no expert " + expert));
  }
}
