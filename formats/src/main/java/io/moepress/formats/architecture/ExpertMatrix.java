package io.moepress.formats.architecture;

import io.moepress.formats.architecture.Architecture.GateUpOrder;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.architecture.Architecture.Storage;
import java.util.List;

/// Where the elements of one of an expert's three matrices lie in the tensor that holds them, or in
/// the expert's slice of a tensor that holds all experts of a layer.
///
/// The element in row `r` (an output) and column `c` (an input) of the matrix `[out, in]` is the
/// element `first + r · rowStep + c · columnStep` of the tensor.
///
/// @param projection which matrix
/// @param rows its outputs
/// @param columns its inputs
/// @param first the element in row 0 and column 0
/// @param rowStep from one row to the next
/// @param columnStep from one column to the next
public record ExpertMatrix(
    Projection projection, int rows, int columns, long first, long rowStep, long columnStep) {

  /// One of the three matrices of an expert.
  public enum Projection {
    /// From the residual stream to neurons, through the activation.
    GATE,
    /// From the residual stream to neurons.
    UP,
    /// From neurons to the residual stream.
    DOWN;

    /// Whether neurons are the rows of the matrix `[out, in]`; else they are its columns.
    public boolean hasNeuronsAsRows() {
      return this != DOWN;
    }
  }

  /// The matrices in the tensor of a role, or in one expert's slice of it; none in tensors that are
  /// not of experts.
  public static List<ExpertMatrix> in(ModelLayout layout, TensorRole role) {
    int width = layout.dimension(Dimension.EXPERT_WIDTH);
    int hidden = layout.dimension(Dimension.HIDDEN);
    return switch (role) {
      case EXPERT_GATE -> List.of(of(Projection.GATE, width, hidden));
      case EXPERT_UP -> List.of(of(Projection.UP, width, hidden));
      case EXPERT_DOWN -> List.of(of(Projection.DOWN, hidden, width));
      case EXPERTS_GATE_UP -> gateUp(layout.storage().orElseThrow(), width, hidden);
      case EXPERTS_DOWN ->
          List.of(
              turned(of(Projection.DOWN, hidden, width), layout.storage().orElseThrow(), hidden));
      default -> List.of();
    };
  }

  /// The biases of neurons in the tensor of a role, or in one expert's slice of it, as matrices of
  /// one column; none in other tensors.
  public static List<ExpertMatrix> biasesIn(ModelLayout layout, TensorRole role) {
    if (role != TensorRole.EXPERTS_GATE_UP_BIAS) {
      return List.of();
    }
    int width = layout.dimension(Dimension.EXPERT_WIDTH);
    boolean halves = layout.storage().orElseThrow().gateUp() == GateUpOrder.HALVES;
    long step = halves ? 1 : 2;
    return List.of(
        new ExpertMatrix(Projection.GATE, width, 1, 0, step, 1),
        new ExpertMatrix(Projection.UP, width, 1, halves ? width : 1, step, 1));
  }

  private static ExpertMatrix of(Projection projection, int rows, int columns) {
    return new ExpertMatrix(projection, rows, columns, 0, columns, 1);
  }

  private static List<ExpertMatrix> gateUp(Storage storage, int width, int hidden) {
    boolean halves = storage.gateUp() == GateUpOrder.HALVES;
    long up = halves ? (long) width * hidden : hidden;
    long step = halves ? hidden : 2L * hidden;
    ExpertMatrix gate = new ExpertMatrix(Projection.GATE, width, hidden, 0, step, 1);
    ExpertMatrix other = new ExpertMatrix(Projection.UP, width, hidden, up, step, 1);
    return List.of(turned(gate, storage, 2 * width), turned(other, storage, 2 * width));
  }

  /// The same matrix where the storage has inputs first.
  ///
  /// @param outputs of the whole slice
  private static ExpertMatrix turned(ExpertMatrix matrix, Storage storage, int outputs) {
    if (storage.orientation() == Orientation.OUTPUT_FIRST) {
      return matrix;
    }
    int inputs = matrix.columns;
    return new ExpertMatrix(
        matrix.projection,
        matrix.rows,
        inputs,
        matrix.first / inputs,
        matrix.rowStep / inputs,
        outputs);
  }

  /// The matrix, row by row.
  ///
  /// @param tensor all elements of the tensor, or slice
  public double[] read(float[] tensor) {
    double[] matrix = new double[Math.multiplyExact(rows, columns)];
    for (int row = 0; row < rows; row++) {
      long start = first + row * rowStep;
      for (int column = 0; column < columns; column++) {
        matrix[row * columns + column] = tensor[(int) (start + column * columnStep)];
      }
    }
    return matrix;
  }

  /// Puts the matrix where it belongs.
  public void write(double[] matrix, float[] tensor) {
    for (int row = 0; row < rows; row++) {
      long start = first + row * rowStep;
      for (int column = 0; column < columns; column++) {
        tensor[(int) (start + column * columnStep)] = (float) matrix[row * columns + column];
      }
    }
  }
}
