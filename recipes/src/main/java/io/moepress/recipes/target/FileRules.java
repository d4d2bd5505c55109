package io.moepress.recipes.target;

import java.util.List;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/// Rules about what lies around the tensors: headers, the index, side files.
final class FileRules {
  private static final Set<String> TOKENIZERS =
      Set.of("tokenizer.json", "tokenizer.model", "tiktoken.model", "vocab.json", "vocab.txt");
  private static final String GENERATION = "generation_config.json";

  static final Rule INDEX_SIZE =
      ofStorage(
          "index-size",
          "`total_size` of the index is the sum of all tensors",
          Severity.WARNING,
          "is misled, if it trusts the number",
          FileRules::indexSize);

  static final Rule FORMAT_METADATA =
      ofStorage(
          "format-metadata",
          "the header of every weight file says `format: pt`",
          Severity.REFUSAL,
          "refuses the file",
          FileRules::formatMetadata);

  static final Rule TOKENIZER =
      ofStorage(
          "tokenizer",
          "the files of a tokenizer lie beside the weights",
          Severity.WARNING,
          "has to be given one",
          storage ->
              storage.sideFiles().stream().anyMatch(TOKENIZERS::contains)
                  ? List.of()
                  : List.of(
                      Violation.of(
                          "no tokenizer",
                          "tokenizer.json, or the files of another tokenizer",
                          "Copy those of the original.")));

  static final Rule GENERATION_CONFIG =
      ofStorage(
          "generation-config",
          "`generation_config.json` lies beside the weights",
          Severity.WARNING,
          "samples with its own defaults, and may not know the end token",
          storage ->
              storage.sideFiles().contains(GENERATION)
                  ? List.of()
                  : List.of(
                      Violation.of("no " + GENERATION, "the file", "Copy that of the original.")));

  static final Rule CHAT_TEMPLATE =
      ofStorage(
          "chat-template",
          "there is a chat template, in its own file or in `tokenizer_config.json`",
          Severity.NOTE,
          "completes texts and has no format for chats",
          storage ->
              storage.template()
                  ? List.of()
                  : List.of(
                      Violation.of(
                          "no chat template",
                          "one, if the model is made for chats",
                          "Copy that of the original.")));

  private FileRules() {}

  private static Rule ofStorage(
      String id,
      String holds,
      Severity severity,
      String otherwise,
      Function<Storage, List<Violation>> check) {
    return new Rule(
        id,
        holds,
        severity,
        otherwise,
        "",
        candidate -> candidate.storage().map(check).orElse(List.of()));
  }

  private static List<Violation> indexSize(Storage storage) {
    return storage.claimedBytes().filter(claim -> !isRight(claim, storage.bytes())).stream()
        .map(claim ->
            Violation.of(
                "total_size = " + claim,
                Long.toString(storage.bytes()),
                "Write the index anew, for instance by moepress convert."))
        .toList();
  }

  private static boolean isRight(JsonNode claim, long bytes) {
    return claim.isIntegralNumber() && claim.canConvertToLong() && claim.asLong() == bytes;
  }

  private static List<Violation> formatMetadata(Storage storage) {
    return storage.unmarked().isEmpty()
        ? List.of()
        : List.of(
            Violation.of(
                "no format in the header of " + storage.unmarked(),
                "format: pt",
                "Write the files anew, for instance by moepress convert."));
  }
}
