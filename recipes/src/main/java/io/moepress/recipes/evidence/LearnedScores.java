package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What a search by gradients has learned about the experts of a checkpoint, and how: a file of its
/// own, `learned.json`, good for any number of experts that shall stay.
///
/// @param formatVersion version of this document's format, 1
/// @param tool name and version of the program
/// @param checkpoint fingerprint of the model
/// @param corpus digest of the token ids of all texts
/// @param request how it was learned
/// @param layers by decoder layer index; only layers with routed experts appear
/// @param curve the course of the search, step by step; one number for each
public record LearnedScores(
    int formatVersion,
    String tool,
    String checkpoint,
    String corpus,
    LearningRequest request,
    SortedMap<Integer, Layer> layers,
    Curve curve) {
  private static final int FORMAT_VERSION = 1;

  public LearnedScores {
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
  }

  /// Scores that this program has learned.
  public static LearnedScores of(Subject subject, SortedMap<Integer, Layer> layers, Curve curve) {
    return new LearnedScores(
        FORMAT_VERSION,
        ToolVersion.text(),
        subject.checkpoint(),
        subject.corpus(),
        subject.request(),
        layers,
        curve);
  }

  /// What scores are learned of, and how.
  ///
  /// @param checkpoint fingerprint of the model
  /// @param corpus digest of the token ids of all texts
  public record Subject(String checkpoint, String corpus, LearningRequest request) {}

  /// One layer.
  ///
  /// @param alpha of each expert, before the softmax, `[E]`
  /// @param beta of the layer
  public record Layer(List<Double> alpha, double beta) {
    public Layer {
      alpha = List.copyOf(alpha);
      for (int expert = 0; expert < alpha.size(); expert++) {
        Checks.require(
            Double.isFinite(alpha.get(expert)),
            "learned scores: alpha of expert %d is %s. Delete the file; it is learned again.",
            expert,
            alpha.get(expert));
      }
      Checks.require(
          Double.isFinite(beta),
          "learned scores: beta is %s. Delete the file; it is learned again.",
          beta);
    }

    /// How much each expert counts, `softmax(α)`, `[E]`.
    public double[] shares() {
      double max = Collections.max(alpha);
      double[] shares = alpha.stream().mapToDouble(value -> Math.exp(value - max)).toArray();
      double sum = 0;
      for (double share : shares) {
        sum += share;
      }
      for (int expert = 0; expert < shares.length; expert++) {
        shares[expert] /= sum;
      }
      return shares;
    }
  }

  /// The course of a search: what each step saw of its texts before it changed anything.
  ///
  /// @param crossEntropy of the next token, in nats
  /// @param distance from the original
  /// @param total the objective, `crossEntropy + lambda · distance`
  public record Curve(List<Double> crossEntropy, List<Double> distance, List<Double> total) {
    public Curve {
      crossEntropy = List.copyOf(crossEntropy);
      distance = List.copyOf(distance);
      total = List.copyOf(total);
    }

    /// Number of steps.
    public int steps() {
      return total.size();
    }

    /// The mean objective of each epoch.
    public List<Double> means(int epochs) {
      List<Double> means = new ArrayList<>();
      int each = steps() / epochs;
      for (int epoch = 0; epoch < epochs; epoch++) {
        means.add(
            total.subList(epoch * each, (epoch + 1) * each).stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElse(Double.NaN));
      }
      return means;
    }
  }

  /// Whether this is what a search for `subject` would find again.
  public boolean isOf(Subject subject) {
    return checkpoint.equals(subject.checkpoint())
        && corpus.equals(subject.corpus())
        && request.equals(subject.request());
  }

  /// The digest of everything in it.
  public String digest() {
    return Fingerprint.ofText(Json.pretty(this));
  }

  /// Whether there is such a file.
  public static boolean isIn(Path file) {
    return Files.isRegularFile(file);
  }

  /// Reads a file.
  ///
  /// @throws io.moepress.formats.FormatException when it is damaged, or of another version
  public static LearnedScores read(Path file) throws IOException {
    LearnedScores scores = Json.read(file, LearnedScores.class);
    Checks.requireFormat(
        scores.formatVersion == FORMAT_VERSION,
        "%s: format version %d (expected %d). Delete the file; it is learned again.",
        file,
        scores.formatVersion,
        FORMAT_VERSION);
    return scores;
  }

  /// Writes a file, all at once.
  public void write(Path file) throws IOException {
    Json.write(file, this);
  }
}
