package io.moepress.calibrate.evaluate;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.Sample;
import io.moepress.calibrate.corpus.Sample.Question;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.recipe.DataSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Texts and questions as token ids, ready to be scored by any checkpoint with the same tokenizer.
///
/// @param corpus all sequences; the domain of a sequence is the index of its file
/// @param files what the sequences of each domain are
public record EvaluationData(Corpus corpus, List<EvaluationFile> files) {

  public EvaluationData {
    files = List.copyOf(files);
  }

  /// One file.
  public sealed interface EvaluationFile {
    /// The file, as given.
    String file();
  }

  /// A file of texts.
  ///
  /// @param file the file, as given
  public record TextFile(String file) implements EvaluationFile {}

  /// A file of questions. The sequences of its domain are context and choice for each choice of
  /// each question, in order.
  ///
  /// @param file the file, as given
  /// @param questions the questions
  public record QuestionFile(String file, List<ScoredQuestion> questions)
      implements EvaluationFile {
    public QuestionFile {
      questions = List.copyOf(questions);
    }
  }

  /// A question as far as scoring needs it.
  ///
  /// @param contextTokens number of tokens of the context by itself
  /// @param characters length of each choice
  /// @param answer index of the right choice
  public record ScoredQuestion(int contextTokens, List<Integer> characters, int answer) {
    public ScoredQuestion {
      characters = List.copyOf(characters);
    }
  }

  /// A digest of everything a score depends on.
  public String digest() {
    return Fingerprint.ofText(corpus.digest() + files);
  }

  /// Reads files for the tokenizer of `checkpoint`.
  ///
  /// @param maxTokens where texts are cut; questions are not
  public static EvaluationData read(List<DataSource> sources, Path checkpoint, int maxTokens)
      throws IOException {
    List<Domain> domains = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    List<EvaluationFile> files = new ArrayList<>();
    try (CorpusReader reader = new CorpusReader(checkpoint)) {
      for (DataSource source : sources) {
        List<Sample> samples = reader.samples(source.file(), maxTokens);
        int count = Math.min(source.samples().orElse(samples.size()), samples.size());
        List<Sample> chosen = samples.subList(0, count);
        int domain = domains.size();
        domains.add(new Domain(source.name(), source.file().toString(), ""));
        boolean questions = chosen.getFirst() instanceof Question;
        files.add(
            questions
                ? questions(reader, source.file(), chosen, domain, sequences)
                : texts(reader, source.file(), chosen, new Cut(domain, maxTokens), sequences));
      }
    }
    return new EvaluationData(new Corpus(domains, sequences), files);
  }

  private record Cut(int domain, int maxTokens) {}

  private static TextFile texts(
      CorpusReader reader, Path file, List<Sample> samples, Cut cut, List<TokenSequence> sequences)
      throws IOException {
    boolean predicts = false;
    for (Sample sample : samples) {
      int[] ids = reader.ids(sample, file, cut.maxTokens());
      if (ids.length > 0) {
        sequences.add(new TokenSequence(cut.domain(), ids));
        predicts |= ids.length > 1;
      }
    }
    if (!predicts) {
      throw FormatException.of("%s: no text has two tokens, so there is nothing to predict", file);
    }
    return new TextFile(file.toString());
  }

  private static QuestionFile questions(
      CorpusReader reader,
      Path file,
      List<Sample> samples,
      int domain,
      List<TokenSequence> sequences)
      throws IOException {
    List<ScoredQuestion> questions = new ArrayList<>();
    for (Sample sample : samples) {
      if (!(sample instanceof Question question)) {
        throw FormatException.of("%s: mixes questions with texts", file);
      }
      int contextTokens = reader.encode(question.context()).length;
      for (String choice : question.choices()) {
        int[] ids = reader.encode(question.context() + choice);
        if (ids.length <= Math.max(1, contextTokens)) {
          throw FormatException.of(
              "%s: question %d: the choice %s adds no token to its context, so it cannot be scored",
              file, questions.size() + 1, Words.quoted(choice));
        }
        sequences.add(new TokenSequence(domain, ids));
      }
      questions.add(
          new ScoredQuestion(
              contextTokens,
              question.choices().stream().map(c -> c.codePointCount(0, c.length())).toList(),
              question.answer()));
    }
    return new QuestionFile(file.toString(), questions);
  }
}
