package io.moepress.cli;

import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/// The JSON Schemas of `docs/schemas`, by their paths there without `.schema.json`.
final class JsonSchemas {
  private static final String SUFFIX = ".schema.json";

  /// Where the schemas pretend to lie, so that they find each other without a network.
  private static final String BASE = "https://schemas.invalid/";

  private final SortedMap<String, ObjectNode> schemas;
  private final SchemaRegistry registry;

  private JsonSchemas(SortedMap<String, ObjectNode> schemas) {
    this.schemas = schemas;
    Map<String, String> texts =
        schemas.entrySet().stream()
            .collect(
                Collectors.toMap(
                    entry -> BASE + entry.getKey() + SUFFIX, entry -> entry.getValue().toString()));
    this.registry =
        SchemaRegistry.withDefaultDialect(
            SpecificationVersion.DRAFT_2020_12, builder -> builder.schemas(texts));
  }

  static JsonSchemas read() throws IOException {
    Path root = TestData.path("..").resolve("docs/schemas");
    SortedMap<String, ObjectNode> schemas = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = root.relativize(file).toString().replace('\\', '/');
        schemas.put(name.substring(0, name.length() - SUFFIX.length()), Json.object(file));
      }
    }
    return new JsonSchemas(schemas);
  }

  /// Each of them, by name.
  SortedMap<String, ObjectNode> byName() {
    return schemas;
  }

  /// What a document has that its schema does not allow, and the other way round.
  List<String> faults(String name, String document) {
    return registry
        .getSchema(SchemaLocation.of(BASE + name + SUFFIX))
        .validate(document, InputFormat.JSON)
        .stream()
        .map(Error::toString)
        .toList();
  }
}
