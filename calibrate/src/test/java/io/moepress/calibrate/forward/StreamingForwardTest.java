package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.FormatException;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The streaming pass in float32 against the formulas in float64.
class StreamingForwardTest {
  private static final int EVERYTHING = Integer.MAX_VALUE;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "qwen3, 1, F32, false",
    "qwen3, 2, F32, true",
    "qwen3, 3, BF16, false",
    "qwen3, 4, BF16, true",
    "qwen3, 5, F16, false",
    "mixtral, 6, F32, false",
    "mixtral, 7, F32, true",
    "mixtral, 8, BF16, false",
    "mixtral, 9, BF16, true",
    "mixtral, 10, F16, false",
  })
  void logitsAreWhatTheFormulasSay(String family, long seed, String dtype, boolean tied)
      throws IOException {
    TinyMoe moe = of(family).seed(seed).dtype(dtype);
    if (tied) {
      moe.tied();
    }

    assertSame(moe, Corpora.of(Corpora.random(seed, 32, 12, 1, 7)), EVERYTHING, true);
  }

  @ParameterizedTest
  @CsvSource({"4, 4, 4", "8, 1, 2", "6, 3, 6", "1, 1, 16"})
  void anyGroupingOfHeadsWorks(int queries, int keyValues, int dimension) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().heads(queries, keyValues, dimension);

    assertSame(moe, Corpora.of(Corpora.random(1, 32, 9)), EVERYTHING, true);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "7, 3", "16, 16", "40, 5"})
  void anyNumberOfExpertsWorks(int experts, int topK) throws IOException {
    TinyMoe moe = TinyMoe.mixtral().experts(experts).topK(topK).layers(3);

    assertSame(moe, Corpora.of(Corpora.random(1, 32, 9, 9)), EVERYTHING, true);
  }

  @Test
  void gatesAreRenormalisedOnlyWhereTheConfigurationSaysSo() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().config("norm_topk_prob", "false");

    assertSame(moe, Corpora.of(Corpora.random(1, 32, 9)), EVERYTHING, false);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.5", "1e-2", "1e-12"})
  void theNormAddsItsEpsilonToTheMeanSquare(String epsilon) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().config("rms_norm_eps", epsilon);

    assertSame(moe, Corpora.of(Corpora.random(1, 32, 9)), EVERYTHING, true);
  }

  // Sliding windows.

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 11, 12, 100})
  void aTokenSeesItselfAndThoseOfTheWindowBeforeIt(int window) throws IOException {
    TinyMoe moe = TinyMoe.mixtral().config("sliding_window", String.valueOf(window));

    assertSame(moe, Corpora.of(Corpora.random(window, 32, 12)), window, true);
  }

  @Test
  void aWindowMayBeSwitchedOff() throws IOException {
    TinyMoe off = TinyMoe.qwen3().config("sliding_window", "3");
    assertSame(off, Corpora.of(Corpora.random(1, 32, 12)), EVERYTHING, true);

    TinyMoe on = off.config("use_sliding_window", "true");
    assertSame(on, Corpora.of(Corpora.random(1, 32, 12)), 3, true);
  }

  /// The scores of 64 heads over 700 tokens, 31 million, are more than the 16 Mi that are held at a
  /// time.
  @ParameterizedTest
  @ValueSource(ints = {EVERYTHING, 50, 400})
  void aLongSequenceAttendsBlockByBlock(int window) throws IOException {
    TinyMoe moe = TinyMoe.mixtral().layers(1).heads(64, 2, 2);
    if (window != EVERYTHING) {
      moe.config("sliding_window", String.valueOf(window));
    }

    assertSame(moe, Corpora.of(Corpora.random(1, 32, 700)), window, true);
  }

  private void assertSame(TinyMoe moe, Corpus corpus, int window, boolean renormalise)
      throws IOException {
    float[] streamed = Streamed.logits(moe.write(folder), corpus, 2);

    NaiveModel naive = new NaiveModel(moe, window, renormalise);
    double[] expected =
        corpus.sequences().stream()
            .flatMap(sequence -> Arrays.stream(naive.logits(sequence.ids())))
            .flatMapToDouble(Arrays::stream)
            .toArray();
    double tolerance = tolerance(corpus, expected);
    assertThat(streamed).hasSameSizeAs(expected);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(streamed[i] - expected[i]));
    }
    assertThat(worst).isLessThan(tolerance);
  }

  /// Each float32 rounding is off by up to 2⁻²⁴ of its result, in either direction, so that n of
  /// them add up to √n times that or so; 8 √n is out of reach of chance. On its way through a layer
  /// a value passes sums over hidden size, heads and expert width, less than 128 terms together,
  /// and two over the tokens before it; through the model, three layers at most.
  private static double tolerance(Corpus corpus, double[] logits) {
    int longest = corpus.sequences().stream().mapToInt(TokenSequence::length).max().orElseThrow();
    double largest = Arrays.stream(logits).map(Math::abs).max().orElseThrow();
    return 8 * Math.sqrt(3 * (128 + 2 * longest)) * Math.scalb(1.0, -24) * largest;
  }

  // What a sequence does not depend on.

  @Test
  void sequencesDoNotSeeEachOther() throws IOException {
    Path model = TinyMoe.qwen3().write(folder);
    List<int[]> sequences = Corpora.random(1, 32, 6, 9);

    float[] together = Streamed.logits(model, Corpora.of(sequences), 2);
    float[] first = Streamed.logits(model, Corpora.of(sequences.get(0)), 1);
    float[] second = Streamed.logits(model, Corpora.of(sequences.get(1)), 1);

    // An expert's batch holds other tokens too, so the products may be summed in another order.
    float tolerance = 128 * Math.scalb(1f, -24) * 8;
    for (int i = 0; i < together.length; i++) {
      float alone = i < first.length ? first[i] : second[i - first.length];
      assertThat(together[i]).isCloseTo(alone, within(tolerance));
    }
  }

  @Test
  void tokensDoNotSeeThoseBehindThem() throws IOException {
    Path model = TinyMoe.mixtral().write(folder);
    int[] ids = Corpora.random(1, 32, 10).getFirst();
    int[] changed = ids.clone();
    changed[9] = (ids[9] + 1) % 32;

    float[] before = Streamed.logits(model, Corpora.of(ids), 1);
    float[] after = Streamed.logits(model, Corpora.of(changed), 1);

    float tolerance = 128 * Math.scalb(1f, -24) * 8;
    for (int i = 0; i < 9 * 32; i++) {
      assertThat(after[i]).isCloseTo(before[i], within(tolerance));
    }
    assertThat(Arrays.copyOfRange(after, 9 * 32, 320))
        .isNotEqualTo(Arrays.copyOfRange(before, 9 * 32, 320));
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    Path model = TinyMoe.qwen3().experts(16).topK(4).layers(3).write(folder);
    Corpus corpus = Corpora.of(Corpora.random(1, 32, 50, 3, 20, 1, 33, 70, 8));

    float[] alone = Streamed.logits(model, corpus, 1);

    for (int threads : new int[] {2, 4, 7}) {
      assertThat(Arrays.mismatch(Streamed.logits(model, corpus, threads), alone)).isEqualTo(-1);
    }
  }

  // What cannot be run.

  @ParameterizedTest
  @ValueSource(ints = {32, 1000, Integer.MAX_VALUE})
  void aTokenOutsideTheVocabularyIsRefused(int id) throws IOException {
    Path model = TinyMoe.qwen3().write(folder);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Streamed.logits(model, Corpora.of(new int[] {0, id}), 2))
        .withMessage(
            "token id %d is outside the model's vocabulary of 32. Do the token ids belong to this"
                + " model?",
            id);
  }

  @Test
  void aWeightThatIsNoNumberIsNamed() throws IOException {
    String name = TinyMoe.qwen3().family().up(1, 2);
    float[] values = new float[8 * 16];
    values[5] = Float.NaN;
    Path model = TinyMoe.qwen3().topK(4).with(name, values).write(folder);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Streamed.logits(model, Corpora.of(new int[] {1, 2}), 2))
        .withMessageContaining("tensor " + name + ": element 5 is NaN");
  }

  @Test
  void anUnknownRotationIsRefused() throws IOException {
    Path model =
        TinyMoe.qwen3()
            .config("rope_parameters", "{\"rope_type\": \"spiral\", \"rope_theta\": 1e4}")
            .write(folder);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Streamed.logits(model, Corpora.of(new int[] {1}), 1))
        .withMessage(
            "config.json: rope_type \"spiral\" (expected default, linear, dynamic, llama3, yarn or"
                + " longrope)");
  }

  private static TinyMoe of(String family) {
    return family.equals("qwen3") ? TinyMoe.qwen3() : TinyMoe.mixtral();
  }
}
