package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.JsonDocuments.Document;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What the program prints with `--json`, and what a run leaves, is what `docs/schemas` says.
class JsonSchemasTest {
  private static final String FILES = "files/";

  @TempDir private Path folder = Path.of("");

  @Test
  void everyDocumentIsAsItsSchemaSays() throws IOException {
    JsonSchemas schemas = JsonSchemas.read();
    List<Document> documents = JsonDocuments.collect(folder);

    for (Document document : documents) {
      assertThat(schemas.faults(document.schema(), document.text()))
          .as("%s: %s", document.origin(), shortened(document.text()))
          .isEmpty();
      if (!document.origin().equals("recipe schema")) { // JSON Schema itself allows more
        assertThat(schemas.faults(document.schema(), withMore(document.text())))
            .as("%s, with a field that no schema knows", document.origin())
            .isNotEmpty();
      }
    }
    assertThat(documents.stream().map(Document::schema).distinct())
        .as("schemas of which there is a document")
        .containsExactlyInAnyOrderElementsOf(schemas.byName().keySet());
    assertThat(kinds(documents))
        .as("kinds of steps of which there is a plan")
        .containsExactlyInAnyOrderElementsOf(
            kindsOf(schemas.byName().get(FILES + "plan").get("$defs")));
  }

  private static String shortened(String text) {
    return text.length() > 2000 ? text.substring(0, 2000) + "..." : text;
  }

  private static String withMore(String document) {
    ObjectNode object = Json.object(document, "document");
    object.put("undocumented", 1);
    return object.toString();
  }

  private static SortedSet<String> kinds(List<Document> documents) {
    SortedSet<String> kinds = new TreeSet<>();
    documents.stream()
        .filter(document -> Set.of("plan", "explain").contains(document.schema()))
        .flatMap(document -> Json.object(document.text(), "plan").path("steps").valueStream())
        .forEach(step -> kinds.add(step.get("kind").asString()));
    return kinds;
  }

  private static List<String> kindsOf(JsonNode definitions) {
    return definitions
        .valueStream()
        .filter(definition -> definition.at("/properties/kind").has("const"))
        .map(definition -> definition.at("/properties/kind/const").asString())
        .toList();
  }

  @Test
  void everyCommandWithJsonHasASchemaAndEverySchemaACommand() throws IOException {
    SortedSet<String> commands = new TreeSet<>();
    collect(Cli.commands(), "", commands);

    assertThat(JsonSchemas.read().byName().keySet())
        .filteredOn(name -> !name.startsWith(FILES))
        .containsExactlyElementsOf(commands);
  }

  private static void collect(CommandLine command, String name, SortedSet<String> names) {
    if (command.getCommandSpec().findOption("--json") != null) {
      names.add(name);
    }
    String prefix = name.isEmpty() ? "" : name + "-";
    command.getSubcommands().forEach((sub, line) -> collect(line, prefix + sub, names));
  }

  /// A field that is not described helps nobody, and one that is not closed hides what is
  /// forgotten.
  @Test
  void everyFieldIsDescribedAndEveryObjectClosed() throws IOException {
    List<String> faults = new ArrayList<>();
    JsonSchemas.read()
        .byName()
        .forEach((name, schema) -> {
          assertThat(schema.path("$schema").asString())
              .isEqualTo("https://json-schema.org/draft/2020-12/schema");
          assertThat(schema.has("title") && schema.has("description")).as(name).isTrue();
          inspect(schema, name, faults);
        });

    assertThat(faults).isEmpty();
  }

  private static void inspect(JsonNode schema, String path, List<String> faults) {
    for (var property : schema.path("properties").properties()) {
      if (!property.getValue().has("description")) {
        faults.add(path + "." + property.getKey() + " has no description");
      }
    }
    boolean isClosed =
        schema.has("additionalProperties") || path.endsWith("inspect/oneOf/2/properties/draft");
    if (schema.path("type").asString("").equals("object") && !isClosed) {
      faults.add(path + " is open");
    }
    if (schema.isContainer()) {
      schema.forEachEntry((key, child) -> inspect(child, path + "/" + key, faults));
      for (int i = 0; schema.isArray() && i < schema.size(); i++) {
        inspect(schema.get(i), path + "/" + i, faults);
      }
    }
  }
}
