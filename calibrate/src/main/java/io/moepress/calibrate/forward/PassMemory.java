package io.moepress.calibrate.forward;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.lowprecision.EncodedTensor;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.work.MemoryBudget;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/// What a forward pass needs of memory, in bytes, from headers and the lengths of the texts alone.
/// It does not depend on the number of layers or experts.
///
/// @param layer the largest layer without its routed experts, widened to float32
/// @param job one worker's share: an expert with a block of its tokens, or the activations of the
///   longest text
/// @param states hidden states of the corpus: the residual stream, and what goes into and comes out
///   of a feed-forward network
/// @param lists token ids, choices of experts and what is observed of each
public record PassMemory(long layer, long job, long states, long lists) {
  /// Copies of an intermediate result that an operation may hold at a time.
  private static final int COPIES = 3;

  /// Java arrays for each choice of an expert: expert, weight, score, norm, maximum, and its slot
  /// in two orders.
  private static final int ARRAYS_PER_CHOICE = 7;

  /// Copies of an intermediate result while gradients are taken: what is recorded, and what comes
  /// back.
  private static final int GRADIENT_COPIES = 6;

  /// Arrays for each choice of an expert in a search, some of doubles.
  private static final int SEARCH_ARRAYS_PER_CHOICE = 14;

  /// What a pass over a corpus needs.
  public static PassMemory of(MoeModel model, Corpus corpus) {
    int longest = corpus.sequences().stream().mapToInt(TokenSequence::length).max().orElse(1);
    return of(model, corpus.tokens(), longest);
  }

  /// What a pass over so many tokens needs, of which the longest text has `longest`.
  public static PassMemory of(MoeModel model, long tokens, int longest) {
    ModelLayout layout = model.layout();
    long hidden = layout.dimension(Dimension.HIDDEN);
    long choices = tokens * layout.topK();
    return new PassMemory(
        Float.BYTES * (largestLayer(model) + largestDecoded(model)),
        Math.max(expertJob(layout, tokens), textJob(model, longest)),
        COPIES * tokens * hidden * Float.BYTES,
        Integer.BYTES * (ARRAYS_PER_CHOICE * choices + 2 * tokens));
  }

  /// What comparing a model with another one of the same family needs: the hidden states of both,
  /// and both output heads.
  public static PassMemory ofComparison(MoeModel model, Corpus corpus) {
    PassMemory pass = of(model, corpus);
    long hidden = model.layout().dimension(Dimension.HIDDEN);
    long head = model.layout().dimension(Dimension.VOCABULARY) * hidden;
    return new PassMemory(
        pass.layer + 2 * head * Float.BYTES,
        pass.job,
        pass.states + corpus.tokens() * hidden * Float.BYTES,
        pass.lists);
  }

  /// What learning scores needs: the hidden states of the original model on all texts, and for the
  /// texts of one update those in front of every layer and three more.
  ///
  /// @param batch texts for each update
  public static PassMemory ofSearch(
      MoeModel model, Corpus corpus, int batch, Relaxation relaxation) {
    ModelLayout layout = model.layout();
    PassMemory pass = of(model, corpus);
    long hidden = layout.dimension(Dimension.HIDDEN);
    int[] lengths = corpus.sequences().stream().mapToInt(TokenSequence::length).sorted().toArray();
    int first = Math.max(0, lengths.length - batch);
    long tokens = Arrays.stream(lengths, first, lengths.length).asLongStream().sum();
    long matrices = (long) COPIES + layout.layers() - layout.moeLayers().getFirst();
    long chosen =
        switch (relaxation) {
          case ROUTER -> layout.topK();
          case DENSE -> layout.experts();
        };
    long head = layout.dimension(Dimension.VOCABULARY) * hidden * Float.BYTES;
    long longest = lengths[lengths.length - 1];
    return new PassMemory(
        Math.max(pass.layer, head),
        Math.max(expertGradientJob(layout, tokens), textGradientJob(model, longest)),
        Math.max(pass.states, (corpus.tokens() + matrices * tokens) * hidden * Float.BYTES),
        pass.lists + SEARCH_ARRAYS_PER_CHOICE * Integer.BYTES * tokens * chosen);
  }

  /// An expert with a block of its tokens, what is recorded of it, and gradients.
  private static long expertGradientJob(ModelLayout layout, long tokens) {
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    long block = Math.min(tokens, ExpertRunner.tokensPerBlock(layout));
    return Float.BYTES * (2 * 3 * hidden * width + GRADIENT_COPIES * block * (hidden + width));
  }

  /// Everything that is recorded of the longest text in a layer, or of its logits.
  private static long textGradientJob(MoeModel model, long longest) {
    long scores = model.layout().dimension(Dimension.HEADS) * longest * longest;
    long vocabulary = model.layout().dimension(Dimension.VOCABULARY);
    long logits = Math.max(vocabulary, Math.min(HeadGradient.MAX_LOGITS, longest * vocabulary));
    long rows = longest * (widest(model) + model.layout().dimension(Dimension.HIDDEN));
    return Float.BYTES * GRADIENT_COPIES * Math.max(rows + scores, logits);
  }

  /// Elements of the largest layer without its routed experts.
  private static long largestLayer(MoeModel model) {
    Map<Integer, Long> elements = new TreeMap<>();
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.layer() != TensorId.NONE && !id.role().isExpert()) {
        elements.merge(id.layer(), model.info(id).shape().elementCount(), Long::sum);
      }
    }
    return elements.values().stream().mapToLong(Long::longValue).max().orElse(0);
  }

  /// Elements of the largest tensor in low precision that no routed expert has: it is decoded
  /// before it becomes a weight.
  private static long largestDecoded(MoeModel model) {
    Map<String, EncodedTensor> encoded = model.inventory().stored().encoded();
    return model.inventory().names().entrySet().stream()
        .filter(entry -> !entry.getKey().role().isExpert() && encoded.containsKey(entry.getValue()))
        .mapToLong(entry -> model.info(entry.getKey()).shape().elementCount())
        .max()
        .orElse(0);
  }

  /// Three matrices, once as stored and once widened, and a block of rows on each of their sides.
  private static long expertJob(ModelLayout layout, long tokens) {
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    long block = Math.min(tokens, ExpertRunner.tokensPerBlock(layout));
    return Float.BYTES * (2 * 3 * hidden * width + COPIES * block * (hidden + width));
  }

  /// Rows of the widest matrix of a layer, and the attention scores of a block of queries.
  private static long textJob(MoeModel model, long longest) {
    long widest = widest(model);
    long hidden = model.layout().dimension(Dimension.HIDDEN);
    long scores =
        Math.min(
            CausalMix.MAX_SCORES + longest,
            model.layout().dimension(Dimension.HEADS) * longest * longest);
    return Float.BYTES * (COPIES * longest * (widest + hidden) + COPIES * scores);
  }

  private static long widest(MoeModel model) {
    return model.inventory().names().keySet().stream()
        .filter(id -> id.layer() != TensorId.NONE && !id.role().isExpert())
        .map(model::info)
        .mapToLong(PassMemory::widest)
        .max()
        .orElse(0);
  }

  private static long widest(TensorInfo info) {
    return info.shape().dimensions().stream().mapToLong(Long::longValue).max().orElse(0);
  }

  /// The most memory a pass uses, beside the program itself.
  ///
  /// @param jobs jobs at a time
  /// @param spilled whether hidden states stand in a file
  public long peak(int jobs, boolean spilled) {
    return layer + (jobs + 1L) * job + lists + (spilled ? 0 : states);
  }

  /// This, and more that an observer of the pass holds.
  public PassMemory with(long observed) {
    return new PassMemory(layer, job, states, lists + observed);
  }

  /// This, and jobs of an observer that need so much each. They run when others do not.
  public PassMemory withJobs(long bytes) {
    return new PassMemory(layer, Math.max(job, bytes), states, lists);
  }

  /// This, and so much more for each job, and so much that an observer holds.
  public PassMemory with(long forEachJob, long observed) {
    return new PassMemory(layer, job + forEachJob, states, lists + observed);
  }

  /// This, or a part of the output head behind the pass, once as stored and once widened, when that
  /// is more than a layer.
  public PassMemory orHead(MoeModel model) {
    long head =
        (long) model.layout().dimension(Dimension.VOCABULARY)
            * model.layout().dimension(Dimension.HIDDEN);
    long part = Math.min(Float.BYTES * head, WeightLoader.MAX_PART_BYTES);
    return new PassMemory(Math.max(layer, 2 * part), job, states, lists);
  }

  /// This, and running every expert on the same tokens.
  public PassMemory withEveryExpert(ModelLayout layout, long tokens) {
    return with(EveryExpert.bytes(layout, tokens));
  }

  /// This, and running experts beside themselves with rounded weights.
  ///
  /// @param widths to how many widths
  public PassMemory withRounding(ModelLayout layout, long tokens, int widths) {
    long errors = widths * tokens * layout.topK() * Float.BYTES;
    long both = 2 * expertJob(layout, tokens);
    return new PassMemory(layer, Math.max(job, both), states, lists + errors);
  }

  /// This for a pass that revises layers: it keeps the residual stream in front of a layer.
  public PassMemory revising() {
    return new PassMemory(layer, job, states + states / COPIES, lists);
  }

  /// How a pass fits a budget.
  ///
  /// @param jobs jobs at a time
  /// @param spilled whether hidden states stand in a file
  public record Fit(int jobs, boolean spilled) {}

  /// The way to stay within a budget that is fastest: as many jobs as there are threads, hidden
  /// states in memory. Hidden states leave first, then there are fewer jobs.
  ///
  /// @throws io.moepress.formats.FormatException when even one job with hidden states in a file
  ///   needs more
  public Fit fit(MemoryBudget budget, int threads) {
    if (budget.holds(peak(threads, false))) {
      return new Fit(threads, false);
    }
    for (int jobs = threads; jobs > 1; jobs--) {
      if (budget.holds(peak(jobs, true))) {
        return new Fit(jobs, true);
      }
    }
    budget.require(peak(1, true), "a forward pass");
    return new Fit(1, true);
  }
}
