package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JacksonInject;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.List;
import java.util.function.Supplier;

/// A large array of a plan: numbers that a step needs and no person wants to read in JSON. The plan
/// names it with its digest; its numbers stand in the file of arrays beside the plan.
///
/// The numbers are fetched whenever they are asked for, and checked against the digest, so that a
/// plan with many arrays takes no memory. Two arrays are equal when name, type, shape and digest
/// are.
public final class PlanArray {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String name;
  private final DType dtype;
  private final List<Long> shape;
  private final String sha256;
  private final Source source;

  /// Where the numbers of arrays come from.
  @FunctionalInterface
  public interface Source {
    /// The little-endian bytes of an array.
    ///
    /// @throws java.io.UncheckedIOException when they cannot be read
    byte[] bytes(PlanArray array);
  }

  /// An array as a plan names it; the mapper gives the source.
  @JsonCreator
  PlanArray(
      @JsonProperty("name") String name,
      @JsonProperty("dtype") DType dtype,
      @JsonProperty("shape") List<Long> shape,
      @JsonProperty("sha256") String sha256,
      @JacksonInject Source source) {
    Checks.require(
        dtype == DType.F32 || dtype == DType.I32,
        "array %s: type %s (expected F32 or I32)",
        name,
        dtype);
    this.name = name;
    this.dtype = dtype;
    this.shape = new Shape(shape).dimensions();
    this.sha256 = sha256;
    this.source = source;
  }

  /// An array of F32. The numbers are asked for now, for the digest, and again whenever they are
  /// used; they must always be the same.
  public static PlanArray floats(String name, Shape shape, Supplier<float[]> numbers) {
    return of(name, DType.F32, shape, _ -> bytes(numbers.get()));
  }

  /// An array of I32; see [#floats].
  public static PlanArray ints(String name, Shape shape, Supplier<int[]> numbers) {
    return of(name, DType.I32, shape, _ -> bytes(numbers.get()));
  }

  private static PlanArray of(String name, DType dtype, Shape shape, Source source) {
    PlanArray unsealed = new PlanArray(name, dtype, shape.dimensions(), "", source);
    byte[] bytes = source.bytes(unsealed);
    Checks.require(
        bytes.length == unsealed.info().byteCount(),
        "array %s: %d bytes (expected %d for %s %s)",
        name,
        bytes.length,
        unsealed.info().byteCount(),
        dtype,
        shape);
    return new PlanArray(name, dtype, shape.dimensions(), digest(bytes), source);
  }

  /// What it is, for a reader: `layer 3: expert input norms`.
  @JsonProperty("name")
  public String name() {
    return name;
  }

  /// F32 or I32.
  @JsonProperty("dtype")
  public DType dtype() {
    return dtype;
  }

  /// The extents.
  @JsonProperty("shape")
  public List<Long> shape() {
    return shape;
  }

  /// Digest of the little-endian bytes.
  @JsonProperty("sha256")
  public String sha256() {
    return sha256;
  }

  /// Its entry in the file of arrays. Arrays of equal content, type and shape share one.
  TensorInfo info() {
    return new TensorInfo(Checks.text("%s %s %s", sha256, dtype, shape), dtype, new Shape(shape));
  }

  /// The bytes, after making sure that they are those the plan was made with.
  ///
  /// @throws PlanMismatchException when they are not
  byte[] bytes() {
    byte[] bytes = source.bytes(this);
    if (!digest(bytes).equals(sha256)) {
      throw new PlanMismatchException(
          "plan: array %s: digest %s (expected %s). The file of arrays was changed or damaged; make"
              + " the plan again.",
          name, digest(bytes), sha256);
    }
    return bytes;
  }

  /// The numbers of an F32 array.
  public float[] floats() {
    requireType(DType.F32);
    MemorySegment bytes = MemorySegment.ofArray(bytes());
    float[] numbers = new float[Math.toIntExact(bytes.byteSize() / Float.BYTES)];
    MemorySegment.copy(bytes, FLOAT, 0, numbers, 0, numbers.length);
    for (float number : numbers) {
      Checks.require(Float.isFinite(number), "array %s holds %s", name, number);
    }
    return numbers;
  }

  /// The numbers of an I32 array.
  public int[] ints() {
    requireType(DType.I32);
    MemorySegment bytes = MemorySegment.ofArray(bytes());
    int[] numbers = new int[Math.toIntExact(bytes.byteSize() / Integer.BYTES)];
    MemorySegment.copy(bytes, INT, 0, numbers, 0, numbers.length);
    return numbers;
  }

  private void requireType(DType expected) {
    Checks.require(dtype == expected, "array %s: type %s (expected %s)", name, dtype, expected);
  }

  private static byte[] bytes(float[] numbers) {
    byte[] bytes = new byte[Math.multiplyExact(numbers.length, Float.BYTES)];
    MemorySegment.copy(numbers, 0, MemorySegment.ofArray(bytes), FLOAT, 0, numbers.length);
    return bytes;
  }

  private static byte[] bytes(int[] numbers) {
    byte[] bytes = new byte[Math.multiplyExact(numbers.length, Integer.BYTES)];
    MemorySegment.copy(numbers, 0, MemorySegment.ofArray(bytes), INT, 0, numbers.length);
    return bytes;
  }

  private static String digest(byte[] bytes) {
    MessageDigest digest = Fingerprint.sha256();
    digest.update(bytes);
    return Fingerprint.format(digest);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PlanArray array && toString().equals(array.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }

  /// Everything by which arrays are told apart.
  @Override
  public String toString() {
    return Checks.text("array %s %s %s %s", name, dtype, shape, sha256);
  }
}
