package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
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
  public Evidence measure(MoeModel model, String fingerprint, Corpus corpus, int maxTokens)
      throws IOException {
    EvidenceCollector collector = new EvidenceCollector(corpus);
    new ForwardPass(model, workers, progress).run("calibrating", corpus, collector).close();
    return new Evidence(fingerprint, maxTokens, domains(corpus), collector.layers());
  }

  /// Whether evidence is what [#measure] would give for the same arguments: all statistics, of the
  /// same checkpoint, over the same tokens.
  public static boolean answers(
      Evidence evidence, String fingerprint, Corpus corpus, int maxTokens) {
    return evidence.checkpoint().equals(fingerprint)
        && evidence.maxTokens() == maxTokens
        && evidence.domains().equals(domains(corpus))
        && evidence.layers().values().stream()
            .allMatch(layer -> layer.values().size() == Statistic.values().length);
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
