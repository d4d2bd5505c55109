package io.moepress.calibrate.forward;

import io.moepress.formats.architecture.LinearInput;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;

/// What one MoE layer did with the corpus, seen before its output joins the residual stream.
///
/// Valid only while the observer is called. Slots are those of [Routing].
///
/// @param layer decoder layer index
/// @param experts number of routed experts, `E`; where several router rows lead to one expert, the
///   number of rows, each of which counts as an expert
/// @param routing the choices of all tokens
/// @param outputNorms `‖f_j(x_t)‖₂` of each slot, the expert's output before its routing weight
/// @param outputMaxima the largest `|f_j(x_t)|` of each slot
/// @param residual `h_t`: the residual stream after attention, before the feed-forward norm
/// @param inputs `x_t`: what router and experts see, behind that norm
/// @param routedOutput `Σ_j g_j f_j(x_t)`: the routed experts' part, shared experts excluded
/// @param sums `[E]` rows for each of the sums that the observer wants
/// @param logits calculates the router's logits once more
/// @param outputs runs every expert on tokens that may not have chosen it
/// @param rounding runs the experts with weights of few bits
/// @param activations runs single experts once more on the tokens that chose them
public record MoePass(
    int layer,
    int experts,
    Routing routing,
    float[] outputNorms,
    float[] outputMaxima,
    HiddenStates residual,
    HiddenStates inputs,
    HiddenStates routedOutput,
    Map<ExpertSum, double[][]> sums,
    LogitSource logits,
    OutputSource outputs,
    RoundingSource rounding,
    ActivationSource activations) {

  /// Sees every MoE layer of a forward pass, in order.
  @FunctionalInterface
  public interface Observer {
    /// Does nothing.
    Observer NONE = pass -> {};

    /// Looks at one layer.
    void observe(MoePass pass) throws IOException;

    /// The sums that the pass shall form while an expert's activations are at hand: nobody keeps
    /// those.
    default Set<ExpertSum> wants() {
      return Set.of();
    }

    /// The sums that the pass shall form of what the linear maps of a layer read, routed experts
    /// left out. The answer is the same until they were handed over.
    default Set<LinearSum> wantsLinears(int layer) {
      return Set.of();
    }

    /// Takes those sums of a layer, with or without experts.
    ///
    /// @param sums for every vector that the layer has
    default void observe(int layer, Map<LinearSum, Map<LinearInput, double[][]>> sums)
        throws IOException {}
  }

  /// Gives the router's logits of a layer.
  @FunctionalInterface
  public interface LogitSource {
    /// Hands on the logits of all tokens, in the order of the corpus.
    void forEach(LogitSink sink) throws IOException;
  }

  /// Runs every expert on the same tokens.
  @FunctionalInterface
  public interface OutputSource {
    /// Sums over the outputs of all experts for some tokens.
    ///
    /// @param tokens indices in the corpus, at least one
    OutputSums over(int[] tokens) throws IOException;
  }

  /// Runs experts with weights of few bits on the tokens that chose them.
  @FunctionalInterface
  public interface RoundingSource {
    /// By how much their outputs change.
    ///
    /// @param widths bits, each of them for all weights of an expert
    /// @return `‖f_j(x_t) − f_j^b(x_t)‖₂` of each slot, by bits
    SortedMap<Integer, float[]> errors(SortedSet<Integer> widths) throws IOException;
  }

  /// Shows what the linear maps of single experts read.
  @FunctionalInterface
  public interface ActivationSource {
    /// Runs an expert on the tokens that chose it, in the calling thread. Several threads may do so
    /// at a time.
    ///
    /// @param sink sees some tokens after the other; none where nobody chose the expert
    void of(int expert, ActivationSink sink) throws IOException;
  }

  /// Takes what the linear maps of an expert read.
  @FunctionalInterface
  public interface ActivationSink {
    /// Takes some tokens.
    ///
    /// @param inputs what gate and up projection read, `[tokens, H]`
    /// @param intermediates what the down projection reads, `[tokens, width]`
    /// @param weights what the expert's outputs are multiplied with, `[tokens]`
    void accept(float[] inputs, float[] intermediates, float[] weights);
  }

  /// What all experts say of the same tokens.
  ///
  /// @param sums `Σ f_j(x)`, `[E][H]`
  /// @param cosines `Σ cos(f_i(x), f_j(x))`, `[E][E]`; symmetric to the last bit
  public record OutputSums(double[][] sums, double[][] cosines) {}

  /// Takes logits.
  @FunctionalInterface
  public interface LogitSink {
    /// Takes the logits of consecutive tokens.
    ///
    /// @param first index of the first token
    /// @param logits `[tokens · E]`
    void accept(int first, float[] logits);
  }
}
