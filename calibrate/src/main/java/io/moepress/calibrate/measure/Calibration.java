package io.moepress.calibrate.measure;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.Continuity;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.LayerRevision;
import io.moepress.calibrate.forward.PassHooks;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.evidence.LayerKeeper;
import io.moepress.recipes.evidence.LayerSpool;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.RoutingChange;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Measures a model: one forward pass over a corpus, evidence out.
public final class Calibration {
  private static final String TITLE = "calibrating";

  private final PassResources resources;
  private final @Nullable LayerDecision decision;

  /// Prepares calibrations of models as they are.
  public Calibration(PassResources resources) {
    this(resources, null);
  }

  /// Prepares calibrations that decide about each layer before those behind it are measured.
  ///
  /// @param decision null: every layer stays as it is
  public Calibration(PassResources resources, @Nullable LayerDecision decision) {
    this.resources = resources;
    this.decision = decision;
  }

  /// What a measurement needs of memory: a forward pass, and the large parts of a layer's evidence,
  /// twice while they are written.
  public static PassMemory memory(MoeModel model, Corpus corpus, EvidenceRequest request) {
    ModelLayout layout = model.layout();
    long hidden = layout.dimension(Dimension.HIDDEN);
    long columns = 0;
    for (Statistic statistic : request.statistics()) {
      columns +=
          switch (statistic.form()) {
            case EXPERTS -> 0;
            case EXPERT_PAIRS -> layout.experts();
            case HIDDEN -> hidden;
            case INTERMEDIATE -> layout.dimension(Dimension.EXPERT_WIDTH);
          };
    }
    long rows = Math.min(request.reservoirTokens(), corpus.tokens());
    long reservoir = rows * (hidden * Float.BYTES + 2L * Integer.BYTES * layout.topK());
    long matrices = columns * layout.experts() * Double.BYTES;
    PassMemory pass = PassMemory.of(model, corpus).with(2 * (matrices + reservoir));
    boolean runsAll = request.statistics().stream().anyMatch(Statistic::isOverReservoir);
    PassMemory all = runsAll ? pass.withEveryExpert(layout, rows) : pass;
    int roundings =
        (int) request.statistics().stream().filter(each -> each.roundedBits() > 0).count();
    return roundings == 0 ? all : all.withRounding(layout, corpus.tokens(), roundings);
  }

  /// Measures.
  ///
  /// @param fingerprint of the checkpoint, which the evidence will carry
  /// @param maxTokens where the texts of the corpus were cut
  /// @param request what to gather; all of it is kept in memory
  public Evidence measure(
      MoeModel model, String fingerprint, Corpus corpus, int maxTokens, EvidenceRequest request)
      throws IOException {
    EvidenceCollector collector = new EvidenceCollector(corpus, request, LayerKeeper.IN_MEMORY);
    Evidence empty = empty(fingerprint, corpus, maxTokens, collector);
    run(model, corpus, collector, empty, Continuity.NONE);
    return collector.filled(empty);
  }

  private Evidence empty(
      String fingerprint, Corpus corpus, int maxTokens, EvidenceCollector collector) {
    return new Evidence(
        fingerprint,
        maxTokens,
        domains(corpus),
        new TreeMap<>(),
        collector.sampling(),
        new TreeMap<>(),
        description());
  }

  private @Nullable String description() {
    return decision == null ? null : decision.description();
  }

  private void run(
      MoeModel model,
      Corpus corpus,
      EvidenceCollector collector,
      Evidence empty,
      Continuity continuity)
      throws IOException {
    RoutingChange.requireOwnRows(model.layout(), "calibration");
    LayerDecision deciding = decision;
    PassHooks hooks =
        new PassHooks(
            collector,
            continuity,
            deciding == null ? null : revision(deciding, model, collector, empty));
    new ForwardPass(model, resources).run(TITLE, corpus, hooks).close();
  }

  private static LayerRevision revision(
      LayerDecision decision, MoeModel model, EvidenceCollector collector, Evidence empty) {
    return layer -> decided(decision, model, collector.filled(empty).layer(layer));
  }

  private static Optional<MoeModel> decided(
      LayerDecision decision, MoeModel model, LayerEvidence evidence) throws IOException {
    List<? extends PlanStep> steps = decision.decide(evidence);
    if (steps.isEmpty()) {
      return Optional.empty();
    }
    LoweredPlan plan = Lowering.lower(model, steps);
    return Optional.of(MoeModel.of(new PlannedCheckpoint(model.checkpoint(), plan)));
  }

  /// Measures, and goes on where an earlier call with the same arguments was stopped.
  ///
  /// @param snapshots where to keep what is needed for that, and, in [#layers], the large parts of
  ///   layers; delete both when the evidence is safe
  public Evidence measure(
      MoeModel model,
      String fingerprint,
      Corpus corpus,
      int maxTokens,
      EvidenceRequest request,
      Path snapshots)
      throws IOException {
    LayerSpool spool = LayerSpool.in(layers(snapshots));
    EvidenceCollector collector = new EvidenceCollector(corpus, request, spool);
    Evidence empty = empty(fingerprint, corpus, maxTokens, collector);
    Snapshots.Subject subject =
        new Snapshots.Subject(inputs(empty, request), model.layout().layers(), empty);
    run(
        model,
        corpus,
        collector,
        empty,
        new Snapshots(snapshots, subject, collector, resources.progress()));
    return collector.filled(empty);
  }

  /// Where a measurement that keeps snapshots puts the large parts of its layers.
  public static Path layers(Path snapshots) {
    return snapshots.resolveSibling(snapshots.getFileName() + ".layers");
  }

  /// A digest of everything evidence depends on.
  private static String inputs(Evidence evidence, EvidenceRequest request) {
    return Fingerprint.ofText(
        ToolVersion.text()
            + evidence.checkpoint()
            + evidence.maxTokens()
            + evidence.domains()
            + evidence.propagation()
            + request);
  }

  /// Whether evidence is of the same checkpoint as it is and the same tokens, whatever it holds of
  /// them.
  public static boolean isOf(Evidence evidence, String fingerprint, Corpus corpus, int maxTokens) {
    return evidence.propagation() == null && isOfSame(evidence, fingerprint, corpus, maxTokens);
  }

  /// Whether it is of the same checkpoint and tokens, measured behind the same decisions.
  public static boolean isOf(
      Evidence evidence, String fingerprint, Corpus corpus, int maxTokens, LayerDecision decision) {
    return decision.description().equals(evidence.propagation())
        && isOfSame(evidence, fingerprint, corpus, maxTokens);
  }

  private static boolean isOfSame(
      Evidence evidence, String fingerprint, Corpus corpus, int maxTokens) {
    return evidence.checkpoint().equals(fingerprint)
        && evidence.maxTokens() == maxTokens
        && evidence.domains().equals(domains(corpus));
  }

  /// What evidence says of the texts it was measured on.
  public static List<Evidence.Domain> domains(Corpus corpus) {
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
