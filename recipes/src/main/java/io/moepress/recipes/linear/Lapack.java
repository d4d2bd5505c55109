package io.moepress.recipes.linear;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.moepress.formats.Checks;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.util.Arrays;

/// Linear algebra by a native library, through its Fortran interface: everything is handed over by
/// address, matrices lie column by column. A row-major matrix is its transpose there, which is why
/// operands change places below.
public final class Lapack implements LinearAlgebra {
  /// Floating-point operations of one call that works on arrays of Java.
  private static final long PIECE = 1L << 29;

  private final LapackLibrary library;
  private final Call dgemm;
  private final Call dgemmOnHeap;
  private final Call dpotrf;
  private final Call dsyevd;

  /// A function without result.
  @FunctionalInterface
  public interface Call {
    /// Calls it.
    void with(MemorySegment... arguments);
  }

  /// Binds the functions.
  ///
  /// @param symbols has `dgemm_`, `dpotrf_` and `dsyevd_`
  Lapack(LapackLibrary library, SymbolLookup symbols) {
    this.library = library;
    this.dgemm = bind(symbols, "dgemm_", 13);
    this.dgemmOnHeap = bind(symbols, "dgemm_", 13, Linker.Option.critical(true));
    this.dpotrf = bind(symbols, "dpotrf_", 5);
    this.dsyevd = bind(symbols, "dsyevd_", 11);
  }

  @SuppressWarnings("restricted") // the only place that calls native code by itself
  private static Call bind(
      SymbolLookup symbols, String name, int arguments, Linker.Option... options) {
    MemoryLayout[] addresses = new MemoryLayout[arguments];
    Arrays.fill(addresses, ADDRESS);
    MemorySegment function =
        symbols
            .find(name)
            .orElseThrow(() -> new IllegalArgumentException("the library has no " + name));
    MethodHandle handle =
        Linker.nativeLinker()
            .downcallHandle(function, FunctionDescriptor.ofVoid(addresses), options);
    return MethodHandleProxies.asInterfaceInstance(
        Call.class, handle.asSpreader(MemorySegment[].class, arguments));
  }

  @Override
  public double[] product(double[] a, double[] b, int rows, int inner, int columns) {
    return product('N', columns, a, b, new int[] {rows, inner, columns});
  }

  @Override
  public double[] productTransposed(double[] a, double[] b, int rows, int inner, int columns) {
    return product('T', inner, a, b, new int[] {rows, inner, columns});
  }

  /// @param form whether `b` is turned
  /// @param width of a row of `b`
  /// @param sizes rows, inner, columns
  private double[] product(char form, int width, double[] a, double[] b, int[] sizes) {
    int rows = sizes[0];
    int inner = sizes[1];
    int columns = sizes[2];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_DOUBLE, Math.multiplyExact((long) rows, columns));
      call(
          dgemm,
          letter(arena, form),
          letter(arena, 'N'),
          integer(arena, columns),
          integer(arena, rows),
          integer(arena, inner),
          arena.allocateFrom(JAVA_DOUBLE, 1.0),
          arena.allocateFrom(JAVA_DOUBLE, b),
          integer(arena, width),
          arena.allocateFrom(JAVA_DOUBLE, a),
          integer(arena, inner),
          arena.allocateFrom(JAVA_DOUBLE, 0.0),
          result,
          integer(arena, columns));
      return result.toArray(JAVA_DOUBLE);
    }
  }

  @Override
  public void addProduct(Part a, Part b, Part sum) {
    add('N', a, a.columns(), b, sum);
  }

  @Override
  public void addTransposedProduct(Part a, Part b, Part sum) {
    add('T', a, a.rows(), b, sum);
  }

  /// Arrays are handed over as they are. The garbage collector waits meanwhile, so the work is done
  /// in pieces of some milliseconds.
  private void add(char form, Part a, int inner, Part b, Part sum) {
    long work = 2L * inner * sum.columns();
    int rows = Math.clamp(PIECE / work, 1, sum.rows());
    for (int row = 0; row < sum.rows(); row += rows) {
      int count = Math.min(rows, sum.rows() - row);
      int step = form == 'N' ? a.stride() : 1;
      try (Arena arena = Arena.ofConfined()) {
        call(
            dgemmOnHeap,
            letter(arena, 'N'),
            letter(arena, form),
            integer(arena, sum.columns()),
            integer(arena, count),
            integer(arena, inner),
            arena.allocateFrom(JAVA_DOUBLE, 1.0),
            from(b, 0),
            integer(arena, b.stride()),
            from(a, row * step),
            integer(arena, a.stride()),
            arena.allocateFrom(JAVA_DOUBLE, 1.0),
            from(sum, row * sum.stride()),
            integer(arena, sum.stride()));
      }
    }
  }

  private static MemorySegment from(Part part, int offset) {
    return MemorySegment.ofArray(part.values())
        .asSlice((long) (part.first() + offset) * Double.BYTES);
  }

  @Override
  public boolean factorise(double[] matrix, int order) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment factor = arena.allocateFrom(JAVA_DOUBLE, matrix);
      MemorySegment outcome = integer(arena, 0);
      call(
          dpotrf,
          letter(arena, 'U'), // the lower triangle, row by row
          integer(arena, order),
          factor,
          integer(arena, order),
          outcome);
      int code = outcome.get(JAVA_INT, 0);
      Checks.require(code >= 0, "no factor of a matrix of order %d: code %d", order, code);
      MemorySegment.copy(factor, JAVA_DOUBLE, 0, matrix, 0, matrix.length);
      for (int row = 0; row < order; row++) {
        Arrays.fill(matrix, row * order + row + 1, (row + 1) * order, 0);
      }
      return code == 0;
    }
  }

  @Override
  public Eigen eigen(double[] symmetric, int order) {
    long numbers = 1 + 6L * order + 2L * order * order; // as dsyevd asks for with vectors
    return eigen(symmetric, order, 'V', numbers, 3 + 5 * order);
  }

  @Override
  public double[] eigenvalues(double[] symmetric, int order) {
    return eigen(symmetric, order, 'N', 1 + 2L * order, 1).values(); // as it asks for without
  }

  /// @param job what to look for
  /// @param numbers room for as many
  /// @param integers room for as many
  private Eigen eigen(double[] symmetric, int order, char job, long numbers, int integers) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment matrix = arena.allocateFrom(JAVA_DOUBLE, symmetric);
      MemorySegment values = arena.allocate(JAVA_DOUBLE, order);
      MemorySegment outcome = integer(arena, 0);
      call(
          dsyevd,
          letter(arena, job),
          letter(arena, 'L'), // the upper triangle, row by row
          integer(arena, order),
          matrix,
          integer(arena, order),
          values,
          arena.allocate(JAVA_DOUBLE, numbers),
          integer(arena, Math.toIntExact(numbers)),
          arena.allocate(JAVA_INT, integers),
          integer(arena, integers),
          outcome);
      int code = outcome.get(JAVA_INT, 0);
      Checks.require(code == 0, "no eigenvectors of a matrix of order %d: code %d", order, code);
      return new Eigen(values.toArray(JAVA_DOUBLE), matrix.toArray(JAVA_DOUBLE));
    }
  }

  private void call(Call function, MemorySegment... arguments) {
    library.useOneThread();
    function.with(arguments);
  }

  private static MemorySegment letter(Arena arena, char letter) {
    return arena.allocateFrom(JAVA_BYTE, (byte) letter);
  }

  private static MemorySegment integer(Arena arena, int value) {
    return arena.allocateFrom(JAVA_INT, value);
  }
}
