package io.moepress.cli;

import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What happens to every weight, in millions of weights per second on one thread. The limit of all
/// of them is `copied`.
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@OperationsPerInvocation(KernelBenchmark.WEIGHTS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class KernelBenchmark {
  static final int ROWS = 768;
  static final int COLUMNS = 2048;
  static final int WEIGHTS = ROWS * COLUMNS;
  private static final int GROUP = 128;

  private final IntegerGrid grid = new IntegerGrid(4, true);
  private final float[] weights = new float[WEIGHTS];
  private final float[] other = new float[WEIGHTS];
  private TensorData stored;
  private IntegerMatrix matrix;
  private Map<String, TensorData> packed;
  private MemorySegment q4k;
  private MessageDigest sha256;

  /// Draws the weights of an expert's gate projection.
  @Setup
  public void draw() throws NoSuchAlgorithmException {
    SplittableRandom random = new SplittableRandom(1);
    TensorInfo info = new TensorInfo("w", DType.BF16, Shape.of(ROWS, COLUMNS));
    MemorySegment bytes = MemorySegment.ofArray(new byte[2 * WEIGHTS]);
    for (int i = 0; i < WEIGHTS; i++) {
      Numbers.put(info, bytes, i, (float) random.nextGaussian() * 0.02f);
    }
    stored = new TensorData(info, bytes);
    System.arraycopy(Numbers.floats(stored), 0, weights, 0, WEIGHTS);
    matrix = rounded();
    packed = layout().encode("w", matrix, DType.BF16);
    q4k = encodedAsQ4K();
    sha256 = MessageDigest.getInstance("SHA-256");
  }

  private static PackQuantized layout() {
    return new PackQuantized(BitPacking.STREAM);
  }

  /// Float to float: what memory gives.
  @Benchmark
  public float[] copied() {
    System.arraycopy(weights, 0, other, 0, WEIGHTS);
    return other;
  }

  /// The digest of the manifest, of BF16 bytes.
  @Benchmark
  public byte[] digested() {
    sha256.update(stored.bytes().asByteBuffer());
    return sha256.digest();
  }

  /// BF16 to float, with the check that all are finite.
  @Benchmark
  public float[] widened() {
    return Numbers.floats(stored);
  }

  /// Scales and codes of 4 bits in groups of 128.
  @Benchmark
  public IntegerMatrix rounded() {
    return IntegerMatrix.encode(weights, ROWS, grid, new Sharing.Group(GROUP), DType.BF16);
  }

  /// Codes and scales into the tensors of compressed-tensors.
  @Benchmark
  public Map<String, TensorData> packed() {
    return layout().encode("w", matrix, DType.BF16);
  }

  /// The reverse.
  @Benchmark
  public IntegerMatrix unpacked() {
    return PackQuantized.decode(packed, "w", grid);
  }

  /// Codes to floats.
  @Benchmark
  public float[] decoded() {
    return matrix.decode();
  }

  /// Blocks of `Q4_K`, without importance.
  @Benchmark
  public MemorySegment encodedAsQ4K() {
    return BlockEncoding.Q4_K.encode(WeightRows.of("w", 0, COLUMNS, weights));
  }

  /// Blocks of `Q6_K`, without importance.
  @Benchmark
  public MemorySegment encodedAsQ6K() {
    return BlockEncoding.Q6_K.encode(WeightRows.of("w", 0, COLUMNS, weights));
  }

  /// Blocks of `Q8_0`.
  @Benchmark
  public MemorySegment encodedAsQ80() {
    return BlockEncoding.Q8_0.encode(WeightRows.of("w", 0, COLUMNS, weights));
  }

  /// Blocks of `Q4_K` to floats.
  @Benchmark
  public float[] decodedFromQ4K() {
    return BlockEncoding.Q4_K.decode(q4k);
  }
}
