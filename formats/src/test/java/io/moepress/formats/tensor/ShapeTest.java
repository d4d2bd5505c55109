package io.moepress.formats.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class ShapeTest {

  @Test
  void elementsAreTheProductOfTheDimensions() {
    assertThat(Shape.of(2, 3, 4).elementCount()).isEqualTo(24);
    assertThat(Shape.of().elementCount()).isEqualTo(1);
    assertThat(Shape.of(5, 0).elementCount()).isZero();
    assertThat(Shape.of(1L << 31, 1L << 31).elementCount()).isEqualTo(1L << 62);
  }

  @Test
  void productBeyondALongIsAnError() {
    assertThatExceptionOfType(ArithmeticException.class)
        .isThrownBy(() -> Shape.of(1L << 32, 1L << 32).elementCount());
  }

  @Test
  void negativeDimensionIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Shape.of(3, -1))
        .withMessage("shape [3, -1]: negative dimension");
  }

  @Test
  void rowsCanBeExchanged() {
    assertThat(Shape.of(8, 3).withRows(5)).isEqualTo(Shape.of(5, 3));
    assertThat(Shape.of(8).withRows(0)).isEqualTo(Shape.of(0));
    assertThatIllegalArgumentException().isThrownBy(() -> Shape.of().withRows(1));
  }

  @Test
  void bytesFollowFromTypeAndShape() {
    assertThat(info(DType.BF16, 3, 5).byteCount()).isEqualTo(30);
    assertThat(info(DType.BF16, 3, 5).bytesPerRow()).isEqualTo(10);
    assertThat(info(DType.F4, 2, 6).byteCount()).isEqualTo(6);
    assertThat(info(DType.F4, 2, 6).bytesPerRow()).isEqualTo(3);
    assertThat(info(DType.F6_E2M3, 4).byteCount()).isEqualTo(3);
    assertThat(info(DType.F32).byteCount()).isEqualTo(4);
    assertThat(info(DType.F32, 0, 7).bytesPerRow()).isZero();
    assertThat(info(DType.F64, 1L << 40).byteCount()).isEqualTo(1L << 43);
  }

  @Test
  void rowThatEndsWithinAByteIsRefused() {
    TensorInfo info = info(DType.F4, 2, 3); // 3 bytes, 2 rows of one and a half
    assertThat(info.byteCount()).isEqualTo(3);
    assertThatIllegalArgumentException()
        .isThrownBy(info::bytesPerRow)
        .withMessage("tensor t: 3 elements of F4 do not fill whole bytes");
  }

  @Test
  void typesAreNamedExactly() {
    assertThat(DType.named("BF16")).contains(DType.BF16);
    assertThat(DType.named("bf16")).isEmpty();
    assertThat(DType.named("")).isEmpty();
  }

  private static TensorInfo info(DType dtype, long... shape) {
    return new TensorInfo("t", dtype, Shape.of(shape));
  }
}
