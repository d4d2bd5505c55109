package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every file of the corpora, and some hundred that are made of them.
class FuzzCorpusTest {
  private static final int MUTATIONS = 250;
  private static final int LARGE = 1 << 19;

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @EnumSource
  void onlyDocumentedExceptionsLeaveAReader(FuzzTarget target) throws Exception {
    List<byte[]> corpus = FuzzRun.corpus(target);
    assertThat(corpus).hasSizeGreaterThan(3);
    FuzzRun run = new FuzzRun(target, folder);
    for (byte[] file : corpus) {
      run.run(file);
    }
    Mutation mutation = new Mutation(corpus, 1);
    for (int i = 0; i < MUTATIONS; i++) {
      run.run(mutation.next());
    }
  }

  /// The worst of what `FuzzProof` tries.
  @ParameterizedTest
  @EnumSource
  void aLargeFileTakesMemoryInProportion(FuzzTarget target) throws Exception {
    FuzzRun run = new FuzzRun(target, folder);
    run.runLarge(LargeInput.worst(target, folder, LARGE));
  }
}
