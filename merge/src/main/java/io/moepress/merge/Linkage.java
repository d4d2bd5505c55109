package io.moepress.merge;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How far apart two clusters are, given how far apart their members are.
///
/// Written as the update of Lance and Williams: when clusters `a` and `b` join, their distance from
/// any other `c` follows from the distances there were.
public enum Linkage {
  /// The mean over all pairs of members (UPGMA).
  AVERAGE {
    @Override
    double joined(Sides sides) {
      return (sides.a() * sides.ac() + sides.b() * sides.bc()) / (sides.a() + sides.b());
    }
  },
  /// The nearest pair of members.
  SINGLE {
    @Override
    double joined(Sides sides) {
      return Math.min(sides.ac(), sides.bc());
    }
  },
  /// The farthest pair of members.
  COMPLETE {
    @Override
    double joined(Sides sides) {
      return Math.max(sides.ac(), sides.bc());
    }
  },
  /// By how much the sum of squared distances from the centre grows: for two single members their
  /// distance. Squares are updated, and the root is taken again.
  WARD {
    @Override
    double joined(Sides sides) {
      double all = sides.a() + sides.b() + sides.c();
      double square =
          (sides.a() + sides.c()) / all * sides.ac() * sides.ac()
              + (sides.b() + sides.c()) / all * sides.bc() * sides.bc()
              - sides.c() / all * sides.ab() * sides.ab();
      return Math.sqrt(Math.max(0, square));
    }
  };

  /// Two clusters that join, and a third.
  ///
  /// @param a size of the first
  /// @param b size of the second
  /// @param c size of the third
  /// @param ab distance of the first from the second
  /// @param ac distance of the first from the third
  /// @param bc distance of the second from the third
  record Sides(double a, double b, double c, double ab, double ac, double bc) {}

  /// The distance of the joined clusters from the third.
  abstract double joined(Sides sides);

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The linkage with this [#label()].
  public static Optional<Linkage> named(String label) {
    return Arrays.stream(values()).filter(linkage -> linkage.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Linkage::label).toList();
  }
}
