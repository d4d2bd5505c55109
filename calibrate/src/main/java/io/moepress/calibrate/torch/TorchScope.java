package io.moepress.calibrate.torch;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/// The arrays of one job, all freed together when the scope closes. One thread makes and closes
/// them; others may calculate with them meanwhile.
///
/// Arrays are made over native memory without copying, and every result of an operation belongs to
/// the scope of its **first** operand: start with an array of the scope that shall own the result.
/// Weights are widened to float32 in Java, since the engine aborts the process on BFLOAT16.
public final class TorchScope implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final NDManager manager;
  private final Arena arena = Arena.ofConfined();

  TorchScope(NDManager manager) {
    this.manager = manager;
  }

  /// Native memory that lives as long as this scope.
  public MemorySegment floats(long count) {
    return arena.allocate(count * Float.BYTES, ALIGNMENT);
  }

  /// An array over native memory: it sees later changes of the memory, and writes to it.
  ///
  /// @param memory floats in native order, less than 2 GiB
  public NDArray over(MemorySegment memory, long... shape) {
    return manager.create(
        memory.asByteBuffer().order(ByteOrder.nativeOrder()), new Shape(shape), DataType.FLOAT32);
  }

  /// A copy of the first floats of an array, as many as the shape has.
  public NDArray copy(float[] values, long... shape) {
    int count = Math.toIntExact(new Shape(shape).size());
    MemorySegment memory = floats(count);
    MemorySegment.copy(values, 0, memory, JAVA_FLOAT, 0, count);
    return over(memory, shape);
  }

  /// A column of indices, `[count, 1]`.
  public NDArray indices(long[] values) {
    return manager.create(values, new Shape(values.length, 1));
  }

  /// A weight, widened to float32.
  ///
  /// @throws io.moepress.formats.FormatException when a value is not finite
  public NDArray weight(TensorData tensor) {
    io.moepress.formats.tensor.Shape shape = tensor.info().shape();
    MemorySegment memory = floats(shape.elementCount());
    Numbers.widen(tensor, memory);
    return over(memory, shape.dimensions().stream().mapToLong(Long::longValue).toArray());
  }

  /// An array that several threads calculate with. Its shape is looked up here and now: DJL does so
  /// at first use, and hands the result on to other threads unsafely.
  public static NDArray shared(NDArray array) {
    if (array.getShape() == null) {
      throw new IllegalStateException("an array without a shape");
    }
    return array;
  }

  /// The values of an array, without copying where they are contiguous; valid as long as the array.
  public static MemorySegment values(NDArray array) {
    return MemorySegment.ofBuffer(array.toByteBuffer(true));
  }

  @Override
  public void close() {
    manager.close();
    arena.close();
  }
}
