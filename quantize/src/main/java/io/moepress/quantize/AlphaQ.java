package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/// AlphaQ: matrices with a heavy-tailed spectrum, those that have learned most, get more bits. It
/// looks at weights alone and needs no texts.
///
/// ```
/// cost(b) = (median α / α)^γ · v · 4^(−b)
/// ```
///
/// `α` is the exponent of the tail of the eigenvalues of a matrix ([Spectrum]), `v` the variance of
/// its weights, and `v · 4^(−b)` goes as the squared error of rounding them to `b` bits. The costs
/// are convex, so one bit more goes to whom it saves most, until there are none; a matrix deserves
/// one bit more than another when the ratio of their `(median α / α)^γ · v` crosses a power of 4.
///
/// A matrix of independent normal numbers has an `α` of its own, about 6.40 in tiles of 128. Where
/// the exponents of a model hardly differ, or lie there, they say little, and the notes say so.
///
/// Against the authors' code: only routed experts take part, and the tiles that are drawn of a
/// large matrix follow from the seed.
///
/// Source: AlphaQ, arXiv:2606.04980; `utils_alpha.py` and `main.py` of Superone77/AlphaQ at
/// 3624976.
///
/// @param gamma how much `α` counts, `γ`: with 0 the variance alone
/// @param fit how the tail is found
public record AlphaQ(double gamma, Fit fit) implements BitMethod {
  /// As good as any other for models with many small experts.
  public static final AlphaQ DEFAULT = new AlphaQ(10, Fit.HILL);

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "alphaq",
          "`(median α / α)^γ · v · 4^(−b)`, with the exponent `α` of the tail of the eigenvalues of"
              + " a matrix, and the variance `v` of its weights",
          "For 2.5 to 3.5 bits when there are no texts, or those there are would be one-sided. It"
              + " says little of models whose exponents hardly differ.",
          "AlphaQ, arXiv:2606.04980",
          "Superone77/AlphaQ 3624976, utils_alpha.py",
          List.of(
              new Option(
                  "gamma",
                  "a number from 0 on",
                  "how much the exponent counts; 0: the variance alone",
                  "10"),
              Option.choice(
                  "tail",
                  Fit.labels(),
                  "the tail of a spectrum: the largest tenth (`hill`) or half (`middle`)",
                  "hill")),
          "- quantize: {method: round-to-nearest, allocate: alphaq, bits: 3.5}");

  /// Relative to their mean, exponents that differ by less say little.
  private static final double LEAST_SPREAD = 0.02;

  /// Rows and columns of the normal matrix that others are compared with, at most.
  private static final int LARGEST_CHANCE = 1024;

  /// How the tail of a spectrum is found.
  public enum Fit {
    /// The largest tenth of the eigenvalues.
    HILL,
    /// The larger half, as in AlphaPruning's `xmin_mid`.
    MIDDLE;

    /// As in a recipe: `hill`.
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /// The fit with this label.
    public static Optional<Fit> named(String label) {
      return Arrays.stream(values()).filter(fit -> fit.label().equals(label)).findFirst();
    }

    /// All labels.
    public static List<String> labels() {
      return Arrays.stream(values()).map(Fit::label).toList();
    }

    double of(Spectrum spectrum) {
      return switch (this) {
        case HILL -> spectrum.alpha();
        case MIDDLE -> spectrum.middle();
      };
    }
  }

  public AlphaQ {
    Checks.require(
        gamma >= 0 && Double.isFinite(gamma),
        "alphaq: gamma: %s (expected 0 or more)",
        Double.toString(gamma));
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs(List<Integer> widths) {
    return Set.of();
  }

  @Override
  public List<Integer> defaultWidths() {
    return List.of(2, 3, 4);
  }

  @Override
  public BitScope defaultScope() {
    return BitScope.MODEL;
  }

  @Override
  public BitAllocation allocate(BitCosts costs, BitLimits limits) {
    return BitProgramme.solve(costs, limits);
  }

  /// What is known of a matrix.
  ///
  /// @param alpha exponent of the tail of its eigenvalues
  /// @param variance of its weights
  record Shape(double alpha, double variance) {}

  @Override
  public BitCosts costs(BitRequest request) throws IOException {
    ModelLayout layout = request.model().layout();
    List<ExpertTensor> tensors = ExpertTensor.of(layout);
    List<ExpertId> experts = new ArrayList<>();
    layout
        .expertCounts()
        .forEach((layer, count) -> {
          for (int expert = 0; expert < count; expert++) {
            experts.add(new ExpertId(layer, expert));
          }
        });
    List<Shape> shapes = shapes(request, experts, tensors);
    double median = median(shapes.stream().map(Shape::alpha).toList());
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < shapes.size(); i++) {
      ExpertId id = experts.get(i / tensors.size());
      ExpertTensor tensor = tensors.get(i % tensors.size());
      List<Double> costs = costs(shapes.get(i), median, request.widths());
      items.add(
          new Item(id.layer(), id.expert(), tensor.matrix().projection(), tensor.weights(), costs));
    }
    List<String> notes = notes(shapes, median, tensors.getFirst().matrix());
    return new BitCosts(request.widths(), items, new TreeSet<>(), notes);
  }

  /// The matrices of all experts, one after the other.
  List<Shape> shapes(BitRequest request, List<ExpertId> experts, List<ExpertTensor> tensors)
      throws IOException {
    List<Shape> shapes = new ArrayList<>();
    request
        .workers()
        .ordered(
            experts.size() * tensors.size(),
            index -> {
              ExpertId id = experts.get(index / tensors.size());
              ExpertTensor tensor = tensors.get(index % tensors.size());
              double[] matrix = tensor.read(request.model(), id.layer(), id.expert());
              return shape(
                  matrix, tensor.matrix(), seed(request.seed(), id, index % tensors.size()));
            },
            (index, shape) -> shapes.add(shape));
    return shapes;
  }

  private Shape shape(double[] matrix, ExpertMatrix shape, long seed) {
    Spectrum spectrum = Spectrum.of(matrix, shape.rows(), shape.columns(), seed);
    return new Shape(fit.of(spectrum), variance(matrix));
  }

  /// Another for every matrix.
  private static long seed(long seed, ExpertId id, int matrix) {
    long place = ((long) id.layer() << 32) + 4L * id.expert() + matrix;
    return new SplittableRandom(seed).nextLong() + place;
  }

  private static double variance(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return squares / values.length;
  }

  private List<Double> costs(Shape shape, double median, List<Integer> widths) {
    double tail = Double.isInfinite(median) ? 1 : Math.pow(median / shape.alpha(), gamma);
    return widths.stream().map(bits -> tail * shape.variance() * Math.pow(4, -bits)).toList();
  }

  private static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }

  private List<String> notes(List<Shape> shapes, double median, ExpertMatrix matrix) {
    double[] alphas = shapes.stream().mapToDouble(Shape::alpha).filter(Double::isFinite).toArray();
    if (alphas.length == 0) {
      return List.of("alphaq: no matrix has a tail. The variance of the weights alone decides.");
    }
    DoubleSummaryStatistics seen = Arrays.stream(alphas).summaryStatistics();
    List<String> notes = new ArrayList<>();
    notes.add(
        Checks.text(
            "alphaq: α from %.2f to %.2f, median %.2f; that of normal numbers would be %.2f",
            seen.getMin(), seen.getMax(), median, chance(matrix)));
    double spread = Math.sqrt(variance(alphas)) / seen.getAverage();
    if (spread < LEAST_SPREAD) {
      notes.add(
          Checks.text(
              "alphaq: α varies by %.2f %% (expected at least %.0f %%): what tells these matrices"
                  + " apart is mostly chance. Use pmq, or the same width for all.",
              100 * spread, 100 * LEAST_SPREAD));
    }
    return notes;
  }

  /// The exponent of a matrix of normal numbers, the same on every call.
  double chance(ExpertMatrix matrix) {
    int rows = Math.min(matrix.rows(), LARGEST_CHANCE);
    int columns = Math.min(matrix.columns(), LARGEST_CHANCE);
    SplittableRandom random = new SplittableRandom(0);
    double[] normal = new double[rows * columns];
    Arrays.setAll(normal, _ -> random.nextGaussian());
    return fit.of(Spectrum.of(normal, rows, columns, 0));
  }
}
