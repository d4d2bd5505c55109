package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.JinjavaInterpreter.InterpreterScopeClosable;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.util.LengthLimitingStringBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `{% for %}` as Jinja has it: with a condition on the items, an `{% else %}` for no items, and a
/// scope of its own for each round, so that what one round sets the next does not see.
final class LoopTag extends ForTag {
  private static final long serialVersionUID = 1L;

  @Override
  public String interpretUnchecked(TagNode node, JinjavaInterpreter interpreter) {
    String helpers = node.getHelpers().strip();
    int in = helpers.indexOf(" in ");
    int condition = helpers.indexOf(JinjaDialect.CONDITION);
    List<String> names = List.of(helpers.substring(0, in).strip().split(",\\s*"));
    String items = helpers.substring(in + 4, condition < 0 ? helpers.length() : condition);
    List<Object> all = list(interpreter.resolveELExpression(items, node.getLineNumber()));
    List<Object> chosen =
        condition < 0
            ? all
            : chosen(all, names, helpers.substring(condition + 1), node, interpreter);
    return rounds(chosen, names, node, interpreter);
  }

  private static List<Object> list(@Nullable Object collection) {
    return switch (collection) {
      case null -> List.of();
      case List<?> list -> new ArrayList<>(list);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case CharSequence text -> text.codePoints().<Object>mapToObj(Character::toString).toList();
      default -> throw new TemplateException("a loop over what is no list");
    };
  }

  private static List<Object> chosen(
      List<Object> items,
      List<String> names,
      String condition,
      TagNode node,
      JinjavaInterpreter interpreter) {
    List<Object> chosen = new ArrayList<>();
    for (Object item : items) {
      try (InterpreterScopeClosable _ = interpreter.enterScope()) {
        assign(names, item, interpreter);
        if (TemplateFunctions.truth(
            interpreter.resolveELExpression(condition, node.getLineNumber()))) {
          chosen.add(item);
        }
      }
    }
    return chosen;
  }

  private static String rounds(
      List<Object> items, List<String> names, TagNode node, JinjavaInterpreter interpreter) {
    int otherwise = 0;
    List<Node> children = node.getChildren();
    while (otherwise < children.size() && !children.get(otherwise).getName().equals("else")) {
      otherwise++;
    }
    LengthLimitingStringBuilder text =
        new LengthLimitingStringBuilder(interpreter.getConfig().getMaxOutputSize());
    if (items.isEmpty()) {
      for (int i = otherwise + 1; i < children.size(); i++) {
        text.append(children.get(i).render(interpreter));
      }
      return text.toString();
    }
    Loop loop = new Loop(items);
    while (loop.hasNext()) {
      Object item = loop.next();
      Deadline.check();
      try (InterpreterScopeClosable _ = interpreter.enterScope()) {
        interpreter.getContext().put(LOOP, loop);
        assign(names, item, interpreter);
        for (Node child : children.subList(0, otherwise)) {
          text.append(child.render(interpreter));
          if (loop.isContinued()) {
            break;
          }
        }
      }
    }
    return text.toString();
  }

  private static void assign(
      List<String> names, @Nullable Object item, JinjavaInterpreter interpreter) {
    if (names.size() == 1) {
      interpreter.getContext().put(names.getFirst(), interpreter.wrap(item));
      return;
    }
    if (!(item instanceof List<?> parts) || parts.size() != names.size()) {
      throw new TemplateException(
          "a loop gives its items " + names.size() + " names, but one has another number of parts");
    }
    for (int i = 0; i < names.size(); i++) {
      interpreter.getContext().put(names.get(i), interpreter.wrap(parts.get(i)));
    }
  }
}
