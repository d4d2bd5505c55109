package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LayerKeeper;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// Measures a model: one forward pass over a corpus, evidence out.
public final class Calibration {
  private final Workers workers;
  private final Progress progress;

  /// Prepares calibrations.
  public Calibration(Workers workers, Progress progress) {
    this.workers = workers;
    this.progress = progress;
  }

  /// Measures.
  ///
  /// @param fingerprint of the checkpoint, which the evidence will carry
  /// @param maxTokens where the texts of the corpus were cut
  /// @param request what to gather
  /// @param keeper where each layer goes as soon as it was measured
  public Evidence measure(
      MoeModel model,
      String fingerprint,
      Corpus corpus,
      int maxTokens,
      EvidenceRequest request,
      LayerKeeper keeper)
      throws IOException {
    EvidenceCollector collector = new EvidenceCollector(corpus, request, keeper);
    new ForwardPass(model, workers, progress).run("calibrating", corpus, collector).close();
    return new Evidence(
        fingerprint, maxTokens, domains(corpus), collector.layers(), collector.sampling());
  }

  /// Whether evidence is of the same checkpoint and the same tokens, whatever it holds of them.
  public static boolean isOf(Evidence evidence, String fingerprint, Corpus corpus, int maxTokens) {
    return evidence.checkpoint().equals(fingerprint)
        && evidence.maxTokens() == maxTokens
        && evidence.domains().equals(domains(corpus));
  }

  private static List<Evidence.Domain> domains(Corpus corpus) {
    List<Evidence.Domain> domains = new ArrayList<>();
    for (int index = 0; index < corpus.domains().size(); index++) {
      int domain = index;
      List<TokenSequence> sequences =
          corpus.sequences().stream().filter(sequence -> sequence.domain() == domain).toList();
      Domain source = corpus.domains().get(index);
      long tokens = sequences.stream().mapToLong(TokenSequence::length).sum();
      domains.add(new Evidence.Domain(source.name(), source.digest(), sequences.size(), tokens));
    }
    return domains;
  }
}
